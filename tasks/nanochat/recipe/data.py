"""From files of documents to batches: reading, calling the tokenizer, packing.

Tokenizer and documents are the task's. Each row begins with the token that begins a document;
it is filled with the largest waiting document that still fits, and where none fits, with the
beginning of the shortest. Nothing is padded; what is cut off is lost.
"""

import bisect
from pathlib import Path

import pyarrow.parquet as parquet
import torch
from tokenizers import Tokenizer

waiting = 1_000  # documents to choose from
start_token = "<|bos|>"
longest_document = 0  # tokens; 0: as it is


def open_tokenizer(folder):
    tokenizer = Tokenizer.from_file(str(Path(folder, "tokenizer", "tokenizer.json")))
    tokenizer.encode_special_tokens = True  # text that looks like a special token is text
    return tokenizer


def texts(folder, rank, ranks):
    """Documents by row group, every rank its own, round and round."""
    paths = sorted(Path(folder, "base_data_climbmix").glob("shard_*.parquet"))
    while True:
        for path in paths:
            file = parquet.ParquetFile(path)
            for group in range(rank, file.num_row_groups, ranks):
                yield file.read_row_group(group, columns=["text"]).column("text").to_pylist()


def documents(folder, rank, ranks):
    """Lists of tokens."""
    tokenizer = open_tokenizer(folder)
    start = tokenizer.token_to_id(start_token)
    for group in texts(folder, rank, ranks):
        for encoded in tokenizer.encode_batch_fast(group, add_special_tokens=False):
            tokens = [start, *encoded.ids]
            yield tokens[:longest_document] if longest_document else tokens


def rows(stream, length):
    """Rows of exactly `length` tokens, the largest document that fits first."""
    buffer = []  # sorted by length
    while True:
        row = []
        while len(row) < length:
            while len(buffer) < waiting:
                bisect.insort(buffer, next(stream), key=len)
            room = length - len(row)
            place = bisect.bisect_right(buffer, room, key=len)
            document = buffer.pop(max(0, place - 1))
            row += document[:room]
        yield row


def batches(folder, sizes, device, rank, ranks):
    """Inputs and targets of one pass through the model, without end."""
    packed = rows(documents(folder, rank, ranks), sizes["sequence"] + 1)
    while True:
        part = torch.tensor([next(packed) for _ in range(sizes["device_batch"])])
        if device.type == "cuda":
            part = part.pin_memory()
        part = part.to(device, non_blocking=True)
        yield part[:, :-1].contiguous(), part[:, 1:].contiguous()
