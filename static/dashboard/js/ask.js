// The asking box: what would be done, in words; held with a pointer, pressed with a key.
const HOLD = 600;

export function ask(button, proceed) {
  document.querySelector(".ask.over")?.remove();
  const box = document.createElement("div");
  box.className = "ask over";
  box.setAttribute("role", "alertdialog");
  box.setAttribute("aria-label", `${button.dataset.do}?`);
  const back = makeButton("Back", "button");
  const go = makeButton(button.dataset.do, "button danger-fill");
  if (!button.dataset.hold) go.className = "button first";
  box.append(paragraph(`${button.dataset.do}?`, "b"), paragraph(button.dataset.ask), actions(go, back));
  button.closest(".panel, .card, .page-head, main").append(box);
  back.addEventListener("click", () => close(box, button));
  box.addEventListener("keydown", (event) => event.key === "Escape" && close(box, button));
  listen(go, button, proceed);
  go.focus({ preventScroll: true });
}

function makeButton(text, className) {
  return Object.assign(document.createElement("button"), { type: "button", textContent: text, className });
}

function paragraph(text, inner) {
  const element = document.createElement("p");
  element.append(inner ? Object.assign(document.createElement(inner), { textContent: text }) : text);
  return element;
}

function actions(...buttons) {
  const row = Object.assign(document.createElement("div"), { className: "actions" });
  row.append(...buttons);
  return row;
}

function close(box, button) {
  box.remove();
  button.focus({ preventScroll: true });
}

function listen(go, button, proceed) {
  if (!button.dataset.hold) return go.addEventListener("click", proceed);
  const words = go.textContent;
  go.textContent = `Hold: ${words.toLowerCase()}`;
  let timer = null;
  go.addEventListener("pointerdown", () => (timer = setTimeout(proceed, HOLD)));
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) go.addEventListener(end, () => clearTimeout(timer));
  // A keyboard or a screen reader presses once more; only a real pointer holds.
  go.addEventListener("click", (event) => event.detail === 0 && proceed());
}
