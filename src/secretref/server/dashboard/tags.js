// Tags of a secret or an application: shown, added, removed.

import { call } from "./api.js";
import { button, field, form, h, section, tell } from "./dom.js";

/** Show a tag as text. */
export function word(tag) {
  return tag.value ? `${tag.key}:${tag.value}` : tag.key;
}

/** Make the section that edits the tags at *parts*; *changed* is called after every change. */
export function tags(parts, changed = () => {}) {
  return section("Tags", async (load) => {
    const refresh = async () => {
      await load();
      changed();
    };
    const known = await call("GET", [...parts, "tags"]);
    return [chips(known, parts, refresh), adding(parts, refresh)];
  });
}

function chips(known, parts, refresh) {
  if (known.length === 0) return h("p", { class: "hint" }, "No tags.");
  const remove = (tag) => async () => {
    await call("DELETE", [...parts, "tags"], { body: [{ key: tag.key, value: tag.value }] });
    tell(`Tag ${word(tag)} removed.`);
    await refresh();
  };
  const chip = (tag) =>
    h("li", { class: "chip" }, word(tag), button("×", remove(tag), { "aria-label": `Remove tag ${word(tag)}` }));
  return h("ul", { class: "chips" }, known.map(chip));
}

function adding(parts, refresh) {
  const key = h("input", { required: true, maxlength: "512" });
  const value = h("input", { maxlength: "1024" });
  const add = async () => {
    const tag = { key: key.value, value: value.value };
    await call("PUT", [...parts, "tags"], { body: [tag] });
    tell(`Tag ${word(tag)} added.`);
    await refresh();
  };
  return form([field("Tag", key), field("Tag value", value)], "Add tag", add, { kind: "line" });
}
