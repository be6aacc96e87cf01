// Making the page. Whatever comes from the server becomes text nodes; nothing is ever parsed as markup.

let serial = 0;

/**
 * Make an element.
 *
 * @param {string} tag - Its name.
 * @param {object} [properties] - Attributes by name; `on…` are listeners; false and null are left out.
 * @param {...(Node|string|null|false|Array)} children - Strings become text nodes.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child != null && child !== false));
  return element;
}

/** Make a labelled control. */
export function field(label, control, hint) {
  control.id ||= `field-${++serial}`;
  const described = hint && typeof hint === "string" ? h("p", { class: "hint" }, hint) : hint;
  if (described) {
    described.id = `${control.id}-hint`;
    control.setAttribute("aria-describedby", described.id);
  }
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, described);
}

/** Make a select of [value, text] pairs. */
export function select(options, properties) {
  return h(
    "select",
    properties,
    options.map(([value, text]) => h("option", { value }, text)),
  );
}

/** Make a form whose submission is *action*; what goes wrong is told in it. */
export function form(fields, label, action, { kind = "", more = [] } = {}) {
  const problem = h("p", { class: "problem", role: "alert" });
  const element = h(
    "form",
    {
      method: "post",
      autocomplete: "off",
      class: kind,
      onsubmit: (event) => {
        event.preventDefault();
        attempt(element, problem, action);
      },
    },
    fields,
    h("div", { class: "actions" }, h("button", { type: "submit", class: kind === "grave" && "grave" }, label), more),
    problem,
  );
  return element;
}

/** Make a button whose *action* may fail; what goes wrong is told beside it. */
export function button(label, action, properties) {
  const problem = h("span", { class: "problem", role: "alert" });
  const element = h(
    "button",
    { type: "button", ...properties, onclick: () => attempt(element, problem, action) },
    label,
  );
  return h("span", { class: "button" }, element, problem);
}

/** Do *action* once at a time, and tell in *problem* what goes wrong. */
async function attempt(element, problem, action) {
  if (element.getAttribute("aria-busy") === "true") return;
  element.setAttribute("aria-busy", "true");
  problem.textContent = "";
  try {
    await action();
  } catch (error) {
    problem.textContent = error.message;
  } finally {
    element.removeAttribute("aria-busy");
  }
}

/** Open a dialog over the page. It is gone from the page once it is closed. */
export function dialog(title, children, { lasting = false } = {}) {
  const id = `dialog-${++serial}`;
  const element = h(
    "dialog",
    {
      "aria-labelledby": id,
      onclose: () => element.remove(),
      oncancel: (event) => lasting && event.preventDefault(),
    },
    h("h2", { id }, title),
    children,
  );
  element.close = () => {
    HTMLDialogElement.prototype.close.call(element);
    element.remove(); // at once, with all values in it: the event may come late in a page behind another
  };
  document.body.append(element);
  element.showModal();
  return element;
}

/** Ask before something that cannot be undone; *typed* must be typed first, if it is given. */
export function confirm(title, text, label, action, typed) {
  const control = typed && h("input", { required: true, autocapitalize: "off", spellcheck: "false" });
  const check = () => control.setCustomValidity(control.value === typed ? "" : "This is not the name.");
  if (control) control.addEventListener("input", check);
  const opened = dialog(
    title,
    form(
      [h("p", {}, text), control && field(`Type ${typed} to confirm`, control)],
      label,
      async () => {
        await action();
        opened.close();
      },
      { kind: "grave", more: cancel(() => opened.close()) },
    ),
  );
  (control || opened.querySelector(".cancel")).focus();
}

/** Make a button that gives up. */
export function cancel(action) {
  return h("button", { type: "button", class: "cancel", onclick: action }, "Cancel");
}

/**
 * Make a section that can be loaded again: by *refresh*, or by the event `stale`.
 *
 * @param {string} title - Its heading.
 * @param {(refresh: () => Promise<void>) => Promise<Array>} load - Returns its content.
 */
export function section(title, load) {
  const heading = h("h2", { tabindex: "-1" }, title);
  const body = h("div", {}, h("p", { class: "hint" }, "…"));
  const refresh = async () => {
    const children = await load(refresh).catch((error) => [h("p", { class: "problem" }, error.message)]);
    const held = body.contains(document.activeElement);
    body.replaceChildren(...children.flat(2).filter(Boolean));
    if (held) heading.focus();
  };
  refresh();
  return h("section", { onstale: refresh }, heading, body);
}

/** Say what was done. */
export function tell(text) {
  document.getElementById("news").textContent = text;
}

/** Load the whole view again. */
export function reload() {
  dispatchEvent(new Event("hashchange"));
}

/** Show a time of the API. */
export function time(milliseconds) {
  const at = new Date(milliseconds);
  return h("time", { datetime: at.toISOString() }, at.toLocaleString());
}

/** Make the link that leads to one thing of a view. */
export function link(view, id, text = id) {
  return h("a", { href: `#${view}/${encodeURIComponent(id)}` }, text);
}

/** Show *items* as rows, a hundred at a time. */
export function list(items, row, empty) {
  if (items.length === 0) return h("p", { class: "hint" }, empty);
  const rows = h("ul", { class: "rows" });
  const more = h("button", { type: "button", onclick: () => grow() }, "Show more");
  const grow = () => {
    const from = rows.childElementCount;
    const added = items.slice(from, from + 100).map((item) => h("li", {}, row(item)));
    rows.append(...added);
    if (from > 0) added[0].querySelector("a, button")?.focus();
    more.hidden = rows.childElementCount >= items.length;
  };
  grow();
  return [rows, more];
}
