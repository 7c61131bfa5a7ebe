// Sends the forms of the documentation page to this very server and shows what it answered.
"use strict";

const MOST_SHOWN = 20000;

function addressOf(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("input[data-in]")) {
    if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    if (input.dataset.in === "query" && input.value !== "") query.set(input.name, input.value);
  }
  return query.size ? `${path}?${query}` : path;
}

function headersOf(form) {
  const headers = {};
  for (const input of form.querySelectorAll("input[data-in=header]")) {
    if (input.value !== "") headers[input.name] = input.value;
  }
  if (form.dataset.type) headers["Content-Type"] = form.dataset.type;
  const key = document.getElementById("key").value.trim();
  if (form.dataset.key && key) headers.Authorization = `Bearer ${key}`;
  return headers;
}

function pretty(text, type) {
  if (!type.includes("json") || type.includes("ndjson")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function show(form, output) {
  const body = form.querySelector("textarea");
  const response = await fetch(addressOf(form), {
    method: form.dataset.method,
    headers: headersOf(form),
    body: body ? body.value : undefined,
  });
  const type = response.headers.get("Content-Type") || "";
  const head = `${response.status} ${response.statusText}  ${type}\n\n`;
  output.textContent = head;
  if (!response.body) return;
  // Read piece by piece, so that a stream of events shows while it runs.
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    output.textContent = head + text.slice(-MOST_SHOWN);
  }
  output.textContent = head + pretty(text, type).slice(0, MOST_SHOWN);
}

for (const form of document.querySelectorAll("form.try")) {
  const key = form.querySelector("input[name='Idempotency-Key']");
  if (key && form.dataset.path.endsWith("/returns")) key.value = crypto.randomUUID();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const output = form.querySelector(".answer");
    output.hidden = false;
    output.textContent = "…";
    show(form, output).catch((error) => {
      output.textContent = `The request was not sent or broke off: ${error.message}`;
    });
  });
}
