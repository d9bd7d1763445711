// Two rows side by side: each task, each class, and test images that one has right and the other has not. The rows of a table come as a
// script of their own, because a page from a file may not fetch.
"use strict";

const loaded = {};
let waiting = null;
function clbenchCompare(id, data) { loaded[id] = data; if (waiting) waiting(); }

const percent = (value) => (Number.isFinite(value) ? value.toFixed(2) : "–");
const signed = (value) => (Number.isFinite(value) ? (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2) : "–");
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

function bitsOf(hex, n) {
  const bits = new Uint8Array(n);
  for (let i = 0; i < n; ++i) bits[i] = (parseInt(hex.substr(2 * (i >> 3), 2), 16) >> (i & 7)) & 1;
  return bits;
}

// Runs with the same seed and class order.
function pairsOf(a, b) {
  const pairs = [];
  for (const x of a.runs) for (const y of b.runs) if (x.seed === y.seed && x.order === y.order) pairs.push([x, y]);
  return pairs;
}

function element(tag, text, className) {
  const one = document.createElement(tag);
  if (text !== undefined) one.textContent = text;
  if (className) one.className = className;
  return one;
}

function tableOf(title, first, rows, a, b) {
  const section = element("section"), table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  section.append(element("h2", title));
  for (const name of [first, a.name, b.name, "B − A"]) {
    const cell = element("th", name, name === first ? "name" : "number");
    cell.scope = "col";
    head.append(cell);
  }
  for (const [name, x, y] of rows) {
    const line = body.insertRow(), label = element("th", name, "name");
    label.scope = "row";
    line.append(label);
    for (const text of [percent(x), percent(y), signed(y - x)]) line.append(element("td", text, "number"));
  }
  const scroll = element("div", undefined, "scroll");
  scroll.tabIndex = 0;
  scroll.append(table);
  section.append(scroll);
  return section;
}

function tasks(pairs, a, b) {
  const longest = Math.max(...pairs.map(([x, y]) => Math.min(x.tasks.length, y.tasks.length)));
  const rows = [];
  for (let t = 0; t < longest; ++t) {
    const both = pairs.filter(([x, y]) => t < x.tasks.length && t < y.tasks.length);
    rows.push([`task ${t + 1}`, mean(both.map(([x]) => x.tasks[t])), mean(both.map(([, y]) => y.tasks[t]))]);
  }
  return tableOf("Each task, after the last one (%)", "task", rows, a, b);
}

function classesAndFlips(pairs, data, a, b) {
  const judged = pairs.filter(([x, y]) => x.right && y.right);
  if (!judged.length) return [element("p", "No predictions are stored that could be compared class by class.", "quiet")];
  const n = data.labels.length, counts = new Map(), flips = [0, 0, 0, 0];
  for (const [x, y] of judged) {
    const ofA = bitsOf(x.right, n), ofB = bitsOf(y.right, n);
    for (let i = 0; i < n; ++i) {
      const one = counts.get(data.labels[i]) || [0, 0, 0];
      one[0] += ofA[i]; one[1] += ofB[i]; one[2] += 1;
      counts.set(data.labels[i], one);
      flips[2 * ofA[i] + ofB[i]] += 1;
    }
  }
  const rows = [...counts].sort((x, y) => x[0] - y[0]).map(([label, [x, y, all]]) => [`class ${label}`, 100 * x / all, 100 * y / all]);
  const share = (count) => `${(100 * count / (n * judged.length)).toFixed(2)} %`;
  const section = element("section"), list = element("dl", undefined, "params");
  section.append(element("h2", "Flips"));
  for (const [text, count] of [["both right", flips[3]], [`only A right (${a.name})`, flips[2]], [`only B right (${b.name})`, flips[1]], ["both wrong", flips[0]]])
    list.append(element("dt", text), element("dd", `${count} (${share(count)})`));
  section.append(list, element("p", `Predictions after the last task: ${n} test images in ${judged.length} pairs of runs with the same seed and class order.`, "quiet"));
  return [section, tableOf("Each class, after the last task (%)", "class", rows, a, b)];
}

function show(form, data) {
  const result = document.getElementById("pair-result");
  const row = (name) => data.rows.find((one) => one.id === form.elements[name].value);
  const a = row("a"), b = row("b");
  result.textContent = "";
  if (!a || !b) return;
  const pairs = pairsOf(a, b);
  if (!pairs.length) return result.append(element("p", "These two rows have no seed and class order in common.", "quiet"));
  result.append(element("p", `A: ${a.name}; B: ${b.name}; ${pairs.length} pairs of runs with the same seed and class order.`));
  result.append(tasks(pairs, a, b), ...classesAndFlips(pairs, data, a, b));
  history.replaceState(null, "", "?" + new URLSearchParams(new FormData(form)));
}

function choose(form, query) {
  const id = form.elements.table.value;
  const ready = () => {
    const data = loaded[id];
    if (!data || form.elements.table.value !== id) return;
    for (const [name, fallback] of [["a", 0], ["b", 1]]) {
      form.elements[name].replaceChildren(...data.rows.map((row) => new Option(row.name, row.id)));
      const wanted = query.get(name);
      form.elements[name].value = data.rows.some((row) => row.id === wanted) ? wanted : (data.rows[Math.min(fallback, data.rows.length - 1)] || {}).id;
    }
    show(form, data);
  };
  waiting = ready;
  if (loaded[id]) return ready();
  const script = document.createElement("script");
  script.src = `compare/${encodeURIComponent(id)}.js`;
  document.head.append(script);
}

(() => {
  const form = document.getElementById("pair");
  if (!form || !form.elements.table.options.length) return;
  const query = new URLSearchParams(location.search);
  if ([...form.elements.table.options].some((one) => one.value === query.get("table"))) form.elements.table.value = query.get("table");
  form.addEventListener("change", (event) => {
    if (event.target.name === "table") return choose(form, new URLSearchParams());
    show(form, loaded[form.elements.table.value]);
  });
  choose(form, query);
})();
