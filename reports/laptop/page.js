// Makes tables sortable and claims filterable. Every page can be read in full without scripts.
"use strict";

const value = (cell) => {
  const text = cell.textContent.trim().replace("\u2212", "-");
  const number = parseFloat(text.replace(/^[^\d.\-]*/, ""));
  return /^[▲▼<>\s]*-?[\d.]/.test(text) && Number.isFinite(number) ? number : text;
};

const order = (a, b) => {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
};

for (const table of document.querySelectorAll("main table")) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 3) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => [value(row.cells[column]), row]);
      rows.sort(([a], [b]) => way * order(a, b));
      body.append(...rows.map(([, row]) => row));
    });
  });
}

const claims = [...document.querySelectorAll('[id^="claims-"] tbody tr')];
if (claims.length) {
  const bar = document.createElement("p");
  bar.className = "filter";
  const selects = [["Verdict", 2], ["Domain", 1], ["Points", 3]].map(([name, column]) => {
    const label = document.createElement("label"), select = document.createElement("select");
    label.append(name + " ", select);
    bar.append(label);
    select.append(new Option("all", ""));
    for (const word of new Set(claims.map((row) => row.cells[column].textContent))) select.append(new Option(word, word));
    return [select, column];
  });
  const label = document.createElement("label"), input = document.createElement("input"), said = document.createElement("span");
  input.type = "search";
  label.append("Words ", input);
  said.setAttribute("role", "status");
  bar.append(label, said);
  const show = () => {
    let count = 0;
    for (const row of claims) {
      const fits = selects.every(([select, column]) => !select.value || row.cells[column].textContent === select.value) &&
        row.textContent.toLowerCase().includes(input.value.toLowerCase());
      row.hidden = !fits;
      count += fits;
    }
    const asked = input.value || selects.some(([select]) => select.value);
    for (const fold of document.querySelectorAll(".fold")) fold.open = asked && fold.querySelector("tbody tr:not([hidden])");
    said.textContent = `${count} of ${claims.length} claims`;
  };
  bar.addEventListener("input", show);
  document.querySelector("main h1").after(bar);
  show();
  if (location.hash) document.querySelector(location.hash)?.closest("details")?.setAttribute("open", "");
}

if (matchMedia("(max-width: 46rem)").matches) document.querySelector(".contents details")?.removeAttribute("open");
