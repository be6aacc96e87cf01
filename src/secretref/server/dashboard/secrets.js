// Secrets: what there is, without values. Values go in and never come back.

import { call } from "./api.js";
import { access } from "./access.js";
import { button, cancel, confirm, dialog, field, form, h, link, list, reload, section, tell, time } from "./dom.js";
import { tags, word } from "./tags.js";

const NAME = "[A-Za-z0-9_\\-]{1,255}";
const PAUSE = 250; // milliseconds without a keystroke before the server is asked

/** Make the view of all secrets. */
export async function secrets() {
  const known = (await call("GET", ["secrets-v2"])).sort((one, other) => (one.name < other.name ? -1 : 1));
  const search = h("input", { type: "search", autocapitalize: "off", spellcheck: "false" });
  const found = h("div", {});
  const count = h("p", { class: "hint", role: "status" });
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (secret) => [secret.name, ...secret.tags.map(word)].join("\n").toLowerCase();
    const hits = known.filter((secret) => words.every((part) => text(secret).includes(part)));
    count.textContent = `${hits.length} of ${known.length} secrets`;
    found.replaceChildren(...[list(hits, row, "No secret is found, or none may be seen.")].flat());
  };
  const row = (secret) => [
    h("div", { class: "name" }, link("secrets", secret.name)),
    h(
      "div",
      { class: "chips" },
      secret.tags.map((tag) => filter(tag)),
    ),
    h("div", { class: "hint" }, `version ${secret.version}, `, time(secret.updateTime), ` by ${secret.updatedBy}`),
  ];
  const filter = (tag) => {
    const pick = () => {
      search.value = word(tag);
      show();
      search.focus();
    };
    return h(
      "button",
      { type: "button", class: "chip", "aria-label": `Search for tag ${word(tag)}`, onclick: pick },
      word(tag),
    );
  };
  search.addEventListener("input", show);
  show();
  return [
    h("h1", { tabindex: "-1" }, "Secrets"),
    h(
      "div",
      { class: "line" },
      field("Search names and tags", search),
      button("New secret", () => create(), { class: "main" }),
    ),
    count,
    found,
  ];
}

/** Make the view of one secret. */
export async function secret(name, leave) {
  const entry = (await call("GET", ["secrets-v2"])).find((one) => one.name === name);
  if (!entry) throw new Error("there is no such secret, or it may not be seen");
  const expiry = entry.expireTime == null ? [] : [h("dt", {}, "Expires"), h("dd", {}, time(entry.expireTime))];
  const remove = () =>
    confirm(
      `Delete ${name}?`,
      "All its versions and every grant on it are deleted. This cannot be undone.",
      "Delete",
      async () => {
        await call("DELETE", ["secrets", name]);
        tell(`${name} is deleted.`);
        leave();
      },
      name,
    );
  const [granted, why] = access(name);
  return [
    h("p", {}, h("a", { href: "#secrets" }, "All secrets")),
    h("h1", { tabindex: "-1" }, name),
    h(
      "dl",
      {},
      [h("dt", {}, "Version"), h("dd", {}, String(entry.version))],
      [h("dt", {}, "Created"), h("dd", {}, time(entry.createTime), ` by ${entry.createdBy}`)],
      [h("dt", {}, "Changed"), h("dd", {}, time(entry.updateTime), ` by ${entry.updatedBy}`)],
      expiry,
      [h("dt", {}, "You may"), h("dd", {}, entry.access.join(", "))],
    ),
    h(
      "div",
      { class: "actions" },
      button("Replace value", () => replace(name), { class: "main" }),
      button("Delete secret", remove, { class: "grave" }),
    ),
    tags(["secrets", name], () => granted.dispatchEvent(new Event("stale"))),
    granted,
    why,
    versions(name),
  ];
}

function create() {
  const name = h("input", {
    required: true,
    pattern: NAME,
    maxlength: "255",
    autocapitalize: "off",
    spellcheck: "false",
  });
  const state = h("p", { class: "hint", role: "status" }, "Letters, digits, _ and -");
  const value = hidden();
  watch(name, state);
  const opened = dialog(
    "New secret",
    form(
      [field("Name", name, state), value.field],
      "Create",
      async () => {
        if (await call("GET", ["secrets", name.value, "exists"])) {
          throw new Error(`${name.value} is taken; open it to replace its value`);
        }
        await put(name.value, value);
        opened.close();
        location.hash = `#secrets/${encodeURIComponent(name.value)}`;
      },
      { more: cancel(() => opened.close()) },
    ),
  );
}

function replace(name) {
  const value = hidden();
  const opened = dialog(
    `Replace the value of ${name}`,
    form(
      [value.field],
      "Replace",
      async () => {
        await put(name, value);
        opened.close();
        reload();
      },
      { more: cancel(() => opened.close()) },
    ),
  );
}

async function put(name, value) {
  await call("PUT", ["secrets", name], { value: value.take() });
  tell(`The value of ${name} is stored.`);
}

/** Say whether a name is free while it is typed; only the last question counts. */
function watch(name, state) {
  let timer;
  let asked = 0;
  const ask = async (number) => {
    const answer = await call("GET", ["secrets", name.value, "exists"])
      .then((taken) => `${name.value} is ${taken ? "taken" : "free"}`)
      .catch((error) => error.message);
    if (number === asked) state.textContent = answer;
  };
  name.addEventListener("input", () => {
    clearTimeout(timer);
    asked += 1;
    if (name.validity.valid) timer = setTimeout(ask, PAUSE, asked);
    state.textContent = name.value === "" || name.validity.valid ? "…" : "Only letters, digits, _ and -";
  });
}

/** Make the control for a value: veiled, and replaced by an empty one when the value is taken out. */
function hidden() {
  const made = () =>
    h("textarea", {
      class: "veiled",
      required: true,
      rows: "3",
      autocapitalize: "off",
      autocorrect: "off",
      spellcheck: "false",
    });
  let control = made();
  const show = h("input", { type: "checkbox", onchange: () => control.classList.toggle("veiled", !show.checked) });
  const take = () => {
    const { id, value } = control;
    const fresh = made();
    fresh.id = id;
    show.checked = false;
    control.value = "";
    control.replaceWith(fresh);
    control = fresh;
    return value;
  };
  const parts = [field("Value", control), h("label", { class: "check" }, show, "Show what is typed")];
  return { field: parts, take };
}

function versions(name) {
  return section("Versions", async () => {
    const known = await call("GET", ["secrets", name, "versions"]);
    const restore = (version) => () =>
      confirm(
        `Restore version ${version}?`,
        `Its value becomes the current value of ${name}, as a new version.`,
        "Restore",
        async () => {
          await call("POST", ["secrets", name, "versions", version, "restore"]);
          tell(`Version ${version} of ${name} is restored.`);
          reload();
        },
      );
    return [
      list(
        known,
        (one) => [
          h("div", { class: "name" }, `Version ${one.version}`),
          h("div", { class: "hint" }, time(one.createTime), ` by ${one.createdBy}`),
          one === known[0]
            ? h("div", {}, "current")
            : button("Restore", restore(one.version), { "aria-label": `Restore version ${one.version}` }),
        ],
        "No versions.",
      ),
    ];
  });
}
