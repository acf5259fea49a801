// The ticket's button says what it does: "Buy 10 INFY in practice". Without scripts it says "Ask the gate".
const FIELDS = ["account", "side", "quantity", "instrument"];

export function sayTicket() {
  const form = document.getElementById("place");
  if (!form) return;
  form.addEventListener("input", () => say(form));
  say(form);
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
