// Sorting, filtering and plots. Without it the pages are complete, but still.
"use strict";

function makeSortable(table) {
  table.querySelectorAll("thead th[data-kind]").forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) button.append(head.firstChild);
    head.append(button);
    button.addEventListener("click", () => sortBy(table, head));
  });
}

// Within each section: rows of different sections are not compared with each other.
function sortBy(table, head) {
  const column = [...head.parentNode.children].indexOf(head);
  const number = head.dataset.kind === "number";
  const descending = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : number;
  head.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const valueOf = (row) => {
    const cell = row.children[column];
    return number ? parseFloat(cell.dataset.value) : cell.textContent.trim().toLowerCase();
  };
  table.querySelectorAll("tbody").forEach((body) => {
    const rows = [...body.rows].filter((row) => !row.classList.contains("section"));
    rows.sort((a, b) => {
      const x = valueOf(a), y = valueOf(b);
      if (number && (Number.isNaN(x) || Number.isNaN(y))) return Number.isNaN(x) - Number.isNaN(y);  // dashes stand last
      const order = x < y ? -1 : x > y ? 1 : 0;
      return descending ? -order : order;
    });
    body.append(...rows);
  });
}

function makeFilter(form) {
  const rows = [...form.parentNode.querySelectorAll("table.sortable tbody tr:not(.section)")];
  const apply = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row) => {
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
      shown += !row.hidden;
    });
    form.elements.count.value = words.length ? `${shown} of ${rows.length} rows` : "";
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
}

// Okabe and Ito's colours, which people with colour blindness tell apart; dashes tell rows apart when they repeat.
const kColours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c"];
const kDashes = [[], [6, 3], [2, 3]];
const kPoints = ["circle", "triangle", "rect", "rectRot", "star", "cross"];

function look(index) {
  const colour = kColours[index % kColours.length];
  return {borderColor: colour, backgroundColor: colour, borderDash: kDashes[Math.floor(index / kColours.length) % kDashes.length],
          pointStyle: kPoints[index % kPoints.length], pointRadius: 4, borderWidth: 2};
}

function options(xTitle, yTitle, xType) {
  const style = getComputedStyle(document.documentElement);
  const text = style.getPropertyValue("--text").trim(), line = style.getPropertyValue("--line").trim();
  const axis = (title, more) => ({title: {display: true, text: title, color: text}, ticks: {color: text}, grid: {color: line}, ...more});
  return {animation: false, maintainAspectRatio: false, plugins: {legend: {position: "bottom", labels: {color: text, usePointStyle: true, boxWidth: 8, font: {size: 11}}}},
          scales: {x: axis(xTitle, {type: xType}), y: axis(yTitle, {})}};
}

function drawCurves(canvas, data) {
  const datasets = data.rows.map((row, i) => ({label: row.name, data: row.curve, ...look(i)}));
  const labels = data.rows.length ? data.rows[0].curve.map((_, t) => String(t + 1)) : [];
  new Chart(canvas, {type: "line", data: {labels, datasets}, options: options("tasks learned", "accuracy over all classes seen (%)", "category")});
}

function drawPareto(canvas, data) {
  const key = canvas.dataset.x;
  const rows = data.rows.filter((row) => row[key] !== null && row[key] !== undefined && row.accuracy !== null);
  const positive = rows.every((row) => row[key] > 0);
  const datasets = rows.map((row, i) => ({label: row.name, data: [{x: row[key], y: row.accuracy}], ...look(i), showLine: false, pointRadius: 6}));
  const wide = options(canvas.dataset.label, "mean accuracy (%)", positive ? "logarithmic" : "linear");
  new Chart(canvas, {type: "scatter", data: {datasets}, options: wide});
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll("form.filter").forEach(makeFilter);
if (typeof Chart !== "undefined") {
  document.querySelectorAll("canvas[data-plot]").forEach((canvas) => {
    const data = JSON.parse(document.getElementById(canvas.dataset.source).textContent);
    canvas.dataset.plot === "curves" ? drawCurves(canvas, data) : drawPareto(canvas, data);
  });
}
