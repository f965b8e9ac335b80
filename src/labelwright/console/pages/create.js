// Keeps the preview of the worker page up to date while labels and instructions are written. Without scripts
// the button beside it does the same.
const form = document.getElementById("wizard");
const show = form.querySelector("button[formtarget=preview]");

if (show !== null) {
  let waiting;
  const refresh = () => form.requestSubmit(show);
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 800);
  });
  form.addEventListener("submit", () => clearTimeout(waiting));
  refresh();
}
