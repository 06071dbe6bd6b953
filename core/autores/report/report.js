"use strict";
(() => {
  const table = document.getElementById("all");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const number = (text) => (text === "" ? NaN : Number(text.replace(/[,\u2212]/g, (c) => (c === "," ? "" : "-"))));
  const compare = (a, b) => {
    const x = number(a), y = number(b);
    if (Number.isNaN(x) && Number.isNaN(y)) return a.localeCompare(b);
    if (Number.isNaN(x)) return 1;
    return Number.isNaN(y) ? -1 : x - y;
  };
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => head.firstChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const keyed = rows.map((row) => [row.cells[column].textContent.trim(), row]);
    keyed.sort((a, b) => {
      if (a[0] === "" || b[0] === "") return (a[0] === "") - (b[0] === "");
      return down ? compare(b[0], a[0]) : compare(a[0], b[0]);
    });
    body.append(...keyed.map((pair) => pair[1]));
  }));
  const shown = document.getElementById("shown");
  const texts = new Map();
  document.getElementById("filter").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
      const fits = words.every((word) => texts.get(row).includes(word));
      row.hidden = !fits;
      count += fits;
    }
    shown.textContent = words.length ? `${count} of ${rows.length}` : "";
  });
})();
