// Forms that act: rows made by script get the token, and the heavier acts are held, not clicked.
import { ask } from "./ask.js";

export function guardForms() {
  addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    addToken(form);
    const button = event.submitter;
    if (button?.dataset.ask && !form.dataset.asked) {
      event.preventDefault();
      ask(button, () => send(form, button));
    }
  });
}

function addToken(form) {
  if (form.querySelector("[name=csrfmiddlewaretoken]")) return;
  form.append(document.querySelector("#act [name=csrfmiddlewaretoken]").cloneNode());
}

function send(form, button) {
  form.dataset.asked = "yes";
  form.requestSubmit(button);
  delete form.dataset.asked; // the rows of a page share one form
}

// Parts of a form that belong to a choice: the others are not shown, and what is a fieldset is not sent. Without scripts
// all stand there.
export function followChoices() {
  for (const select of document.querySelectorAll("select[data-chooses]")) {
    const parts = document.querySelectorAll(`[data-chosen-by="${select.dataset.chooses}"]`);
    const show = () => parts.forEach((part) => (part.hidden = part.disabled = part.dataset.value !== select.value));
    select.addEventListener("change", show);
    show();
  }
}

// For acts that have no form on the page: the palette's.
export function act(address, fields) {
  const form = document.getElementById("act");
  form.action = address;
  for (const [name, value] of Object.entries(fields ?? {})) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  form.submit();
}
