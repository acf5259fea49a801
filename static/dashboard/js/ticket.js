// The ticket: its button says what it does ("Buy 10 INFY in practice"), and its figures are asked of the server as it is
// filled in. Without scripts the button says "Ask the gate", and the figures come with the page.
import { countAges, setClock } from "./ages.js";
import { apply } from "./bind.js";

const FIELDS = ["account", "side", "quantity", "instrument"];
const TYPING = 250;
// What stands there is asked again while somebody looks at it: prices go on.
const AGAIN = 2000;
let timer = null;
let asking = null;

export function followTicket() {
  const form = document.getElementById("place");
  if (!form) return;
  form.addEventListener("input", () => {
    say(form);
    askSoon(form, TYPING);
  });
  form.addEventListener("click", (event) => choose(form, event.target.closest("[data-choose]")));
  form.closest("details").addEventListener("toggle", () => askSoon(form, 0));
  say(form);
  askSoon(form, AGAIN);
}

function say(form) {
  const [account, side, quantity, instrument] = FIELDS.map((name) => form.elements[name]);
  const button = form.querySelector("[data-does]");
  const chosen = account.selectedOptions[0];
  const symbol = instrument.value.trim().toUpperCase().split(":").pop();
  button.dataset.mode = chosen?.dataset.mode ?? "";
  button.textContent = symbol && quantity.value && chosen
    ? `${side.selectedOptions[0].text} ${quantity.value} ${symbol} ${chosen.dataset.money}`
    : `Ask the gate${chosen ? `, ${chosen.dataset.money}` : ""}`;
}

function choose(form, button) {
  if (!button) return;
  form.elements.instrument.value = button.dataset.choose;
  form.elements.quantity.focus();
  say(form);
  askSoon(form, 0);
}

function askSoon(form, wait) {
  clearTimeout(timer);
  timer = setTimeout(() => ask(form), wait);
}

async function ask(form) {
  if (document.hidden || !form.closest("details").open || !form.elements.instrument.value.trim()) return askSoon(form, AGAIN);
  asking?.abort();
  const mine = (asking = new AbortController());
  const body = new FormData(form);
  try {
    const reply = await fetch(form.dataset.reckons, { method: "POST", body, signal: mine.signal, headers: { Accept: "application/json" } });
    if (!reply.ok) throw new Error(String(reply.status));
    show(await reply.json());
  } catch {
    if (mine.signal.aborted) return; // a newer question has taken its place
    mark("failed");
  }
  askSoon(form, AGAIN);
}

function show(ticket) {
  setClock(ticket.clock);
  apply(document.getElementById("ticket").parentElement, { ticket });
  mark("");
  countAges();
}

function mark(state) {
  const lost = document.getElementById("ticket-lost");
  lost.hidden = !state;
  document.getElementById("ticket").dataset.state = state;
}
