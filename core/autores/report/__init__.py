"""A run as one file that can be sent around: HTML that needs no network, or Markdown."""

from __future__ import annotations

from autores.report.markdown import render_markdown
from autores.report.page import render_html
from autores.report.sources import Sources

__all__ = ["Sources", "render_html", "render_markdown"]
