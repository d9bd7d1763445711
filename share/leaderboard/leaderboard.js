// Sorting, filters, columns, copying. Without it the pages are complete, but still.
"use strict";

// Sorting, within each section: rows of different sections are not compared with each other. The first click puts the best first.
function makeSortable(table) {
  table.querySelectorAll("thead th[data-kind]").forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sortBy(table, head));
  });
}

function sortBy(table, head) {
  const column = [...head.parentNode.children].indexOf(head);
  const number = head.dataset.kind === "number";
  const first = number && head.dataset.best === "high" ? "descending" : "ascending";
  const other = first === "descending" ? "ascending" : "descending";
  const order = head.getAttribute("aria-sort") === first ? other : first;
  head.parentNode.querySelectorAll("th[aria-sort]").forEach((one) => one.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", order);
  const sign = order === "descending" ? -1 : 1;
  const valueOf = (row) => {
    const cell = row.children[column];
    return number ? parseFloat(cell.dataset.value) : cell.textContent.trim().toLowerCase();
  };
  for (const body of table.tBodies) {
    const keyed = [...body.rows].filter((row) => row.classList.contains("row")).map((row) => ({row, key: valueOf(row)}));
    keyed.sort((a, b) => {
      if (number && (Number.isNaN(a.key) || Number.isNaN(b.key))) return Number.isNaN(a.key) - Number.isNaN(b.key);  // dashes stand last
      return a.key < b.key ? -sign : a.key > b.key ? sign : 0;
    });
    body.append(...keyed.map((one) => one.row));
  }
}

// Filters and columns. Their state is in the address, so that a link shows what its sender saw.
function makeFilter(form) {
  const rows = [...document.querySelectorAll("table.sortable tbody tr.row")].map((row) => ({
    ...row.dataset, row, words: (row.textContent + " " + row.dataset.words).toLowerCase(), table: row.closest(".board").dataset.data}));
  const boards = [...document.querySelectorAll(".board[data-data]")];
  const heads = [...document.querySelectorAll("#front th[data-data]")];
  const boxes = [...form.querySelectorAll("input[name=column]")];
  const hiddenAtFirst = new Set(["c-forget-max_all", "c-tried"]);
  const style = document.createElement("style");
  document.head.append(style);

  const columnRules = (state) => {
    let forgetting = state.forgetting === "all" ? ["c-forget-max_all", "c-forget-max_prev"] : ["c-forget-max_prev", "c-forget-max_all"];
    const rules = boxes.map((box) => {
      const shown = box.value === forgetting[1] ? false : box.checked || box.value === forgetting[0];
      return `.board .${CSS.escape(box.value)} { display: ${shown ? "table-cell" : "none"} }`;
    });
    heads.forEach((head) => {
      if (state.data && head.dataset.data !== state.data) rules.push(`.${[...head.classList].find((c) => c.startsWith("d-"))} { display: none }`);
    });
    style.textContent = rules.join("\n");
  };

  const fits = (one, state, words) =>
    words.every((word) => one.words.includes(word)) && (!state.weights || one.weights === state.weights) &&
    (!state.replay || one.replay === state.replay) && (!state.text || one.text === state.text) &&
    (!state.trained || (one.trained !== "" && Number(one.trained) <= Number(state.trained)));

  const apply = () => {
    const state = Object.fromEntries(["q", "data", "weights", "replay", "text", "trained", "forgetting"].map((key) => [key, form.elements[key].value]));
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((one) => {
      one.row.hidden = !fits(one, state, words);
      shown += !one.row.hidden && one.table !== undefined && (!state.data || one.table === state.data);
    });
    document.querySelectorAll("table.sortable tbody").forEach((body) => {
      body.hidden = ![...body.rows].some((row) => row.classList.contains("row") && !row.hidden);
    });
    boards.forEach((board) => { board.hidden = state.data !== "" && board.dataset.data !== state.data; });
    const narrowed = words.length > 0 || ["data", "weights", "replay", "text", "trained"].some((key) => state[key]);
    form.elements.count.value = narrowed ? `${shown} of ${rows.filter((one) => one.table !== undefined).length} rows` : "";
    columnRules(state);
    const changed = boxes.filter((box) => box.checked === hiddenAtFirst.has(box.value)).map((box) => box.value.slice(2));
    const query = new URLSearchParams(Object.entries(state).filter(([, value]) => value !== ""));
    if (changed.length) query.set("columns", changed.join(" "));
    return query.toString();
  };
  const remember = () => {
    const query = apply();
    history.replaceState(null, "", (query ? "?" + query : location.pathname) + location.hash);
  };
  const restore = (text) => {
    const query = new URLSearchParams(text);
    form.reset();
    const changed = new Set((query.get("columns") || "").split(" "));
    boxes.forEach((box) => { box.checked = hiddenAtFirst.has(box.value) === changed.has(box.value.slice(2)); });
    query.forEach((value, key) => {
      const field = form.elements[key];
      if (field && key !== "column" && "value" in field) field.value = value;
      if (field && field.tagName === "SELECT" && field.selectedIndex < 0) field.value = "";
    });
    apply();
  };
  form.addEventListener("input", remember);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); restore(""); remember(); });
  restore(location.search);
}

// Two rows of a table side by side: the two that were chosen last.
function makePicks(board) {
  const link = board.querySelector(".side");
  let picked = [];
  board.addEventListener("change", (event) => {
    const box = event.target;
    if (!box.matches(".pick input")) return;
    picked = picked.filter((other) => other !== box);
    if (box.checked) picked.push(box);
    while (picked.length > 2) picked.shift().checked = false;
    link.hidden = picked.length < 2;
    const name = (one) => one.closest("tr").querySelector(".name").firstElementChild.textContent;
    if (picked.length === 2) {
      link.textContent = `${name(picked[0])} and ${name(picked[1])} side by side`;
      link.href = "compare.html?" + new URLSearchParams({table: board.id, a: picked[0].value, b: picked[1].value});
    }
    board.dispatchEvent(new CustomEvent("picked", {detail: picked.map((one) => one.value)}));
  });
}

function makeCopy(code) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "copy as " + code.parentNode.querySelector("summary").textContent;
  button.addEventListener("click", async () => {
    const range = document.createRange();
    range.selectNodeContents(code);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    let copied = document.execCommand("copy");  // also where a page has no right to the clipboard, as one from a file has not
    if (!copied && navigator.clipboard) copied = await navigator.clipboard.writeText(code.textContent).then(() => true, () => false);
    button.textContent = copied ? "copied" : "selected: press Ctrl+C";
  });
  code.before(button);
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll("#filter").forEach(makeFilter);
document.querySelectorAll(".board").forEach(makePicks);
document.querySelectorAll("details.tool pre.code:not(.csv)").forEach(makeCopy);
