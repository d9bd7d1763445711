// Rows of plots stand out when they are pointed at, reached by keyboard or chosen; plots are saved as SVG and CSV.
"use strict";

function highlight(svg, ids) {
  svg.classList.toggle("dim", ids.length > 0);
  svg.querySelectorAll(".s").forEach((one) => one.classList.toggle("hot", ids.includes(one.dataset.row)));
}

function makePlot(plot) {
  const svg = plot.querySelector("svg"), board = plot.closest(".board");
  let chosen = [];
  const rowAt = (event) => event.target.closest && event.target.closest("[data-row]");
  plot.addEventListener("pointerover", (event) => {
    const row = rowAt(event);
    highlight(svg, row ? [...chosen, row.dataset.row] : chosen);
  });
  plot.addEventListener("pointerleave", () => highlight(svg, chosen));
  plot.addEventListener("click", (event) => {  // a touch screen has no pointer that hovers
    const row = rowAt(event);
    if (row) chosen = chosen.includes(row.dataset.row) ? chosen.filter((id) => id !== row.dataset.row) : [...chosen, row.dataset.row];
    highlight(svg, chosen);
  });
  if (board) {
    board.addEventListener("picked", (event) => { chosen = event.detail; highlight(svg, chosen); });
    const table = board.querySelector("table.sortable");
    const over = (event) => {
      const row = event.target.closest("tr.row");
      highlight(svg, row ? [...chosen, row.id] : chosen);
    };
    table.addEventListener("focusin", over);
    table.addEventListener("focusout", () => highlight(svg, chosen));
  }
  const figure = plot.closest("figure"), csv = figure.querySelector("pre.csv");
  const svgText = () => {
    const copy = svg.cloneNode(true);
    copy.classList.remove("dim");
    copy.querySelectorAll(".hot").forEach((one) => one.classList.remove("hot"));
    return new XMLSerializer().serializeToString(copy) + "\n";
  };
  const csvText = () => csv.textContent;
  for (const [ending, text] of [["svg", svgText], ["csv", csvText]]) figure.append(saveButton(plot.dataset.file, ending, text));
}

function saveButton(name, ending, text) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "save";
  button.textContent = ending.toUpperCase();
  button.title = `save this plot as ${name}.${ending}`;
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text()], {type: ending === "svg" ? "image/svg+xml" : "text/csv"}));
    link.download = `${name}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  return button;
}

document.querySelectorAll(".plot").forEach(makePlot);
