// Applications: their access keys, roles, tags and grants.

import { call } from "./api.js";
import { button, confirm, dialog, field, form, h, link, list, section, tell, time } from "./dom.js";
import { tags, word } from "./tags.js";

/** Make the view of all applications. */
export async function applications() {
  const known = await call("GET", ["applications"]);
  const name = h("input", { required: true, maxlength: "512" });
  const create = async () => {
    const made = await call("POST", ["applications"], { body: { name: name.value } });
    tell(`Application ${made.name} is created.`);
    location.hash = `#applications/${encodeURIComponent(made.id)}`;
  };
  const row = (one) => [
    h("div", { class: "name" }, link("applications", one.id, one.name)),
    h(
      "div",
      { class: "chips" },
      [...one.roles, ...one.tags.map(word)].map((text) => h("span", { class: "chip" }, text)),
    ),
    h("div", { class: "hint" }, `${one.id}, created `, time(one.createTime), ` by ${one.createdBy}`),
  ];
  return [
    h("h1", { tabindex: "-1" }, "Applications"),
    form([field("Name of a new application", name)], "Create application", create, { kind: "line" }),
    list(known, row, "There are no applications that you manage."),
  ];
}

/** Make the view of one application. */
export async function application(id, leave) {
  const known = await call("GET", ["applications", id]);
  const remove = () =>
    confirm(
      `Delete ${known.name}?`,
      "Its access keys, tokens and grants are deleted with it. This cannot be undone.",
      "Delete",
      async () => {
        await call("DELETE", ["applications", id]);
        tell(`Application ${known.name} is deleted.`);
        leave();
      },
      known.name,
    );
  return [
    h("p", {}, h("a", { href: "#applications" }, "All applications")),
    h("h1", { tabindex: "-1" }, known.name),
    h(
      "dl",
      {},
      [h("dt", {}, "Id"), h("dd", {}, known.id)],
      [h("dt", {}, "Created"), h("dd", {}, time(known.createTime), ` by ${known.createdBy}`)],
    ),
    h("div", { class: "actions" }, button("Delete application", remove, { class: "grave" })),
    keys(id),
    roles(id),
    tags(["applications", id]),
    grants(id),
  ];
}

function keys(id) {
  const path = ["applications", id, "accessKeys"];
  return section("Access keys", async (refresh) => {
    const known = await call("GET", path);
    const create = async () => {
      once(await call("POST", path));
      await refresh();
    };
    const toggle = (key) => async () => {
      await call("POST", [...path, key.id, "status"]);
      tell(`Key ${key.id} is turned ${key.status === "ACTIVE" ? "off" : "on"}.`);
      await refresh();
    };
    const remove = (key) => () =>
      confirm(`Delete key ${key.id}?`, "Its tokens end at once. This cannot be undone.", "Delete", async () => {
        await call("DELETE", [...path, key.id]);
        tell(`Key ${key.id} is deleted.`);
        await refresh();
      });
    const row = (key) => [
      h("div", { class: "name" }, key.id),
      h("div", { class: "hint" }, key.status === "ACTIVE" ? "active" : "off", ", created ", time(key.createdAt)),
      h(
        "div",
        { class: "actions" },
        button(key.status === "ACTIVE" ? "Turn off" : "Turn on", toggle(key), { "aria-description": key.id }),
        button("Delete", remove(key), { class: "grave", "aria-label": `Delete key ${key.id}` }),
      ),
    ];
    return [list(known, row, "No access keys."), button("New access key", create, { class: "main" })];
  });
}

/** Show a new key with its secret, until the dialog is closed. */
function once(key) {
  const copied = h("p", { role: "status", class: "hint" });
  const copy = (what, text) => async () => {
    await navigator.clipboard.writeText(text).catch(() => {
      throw new Error("select it and copy it by hand");
    });
    copied.textContent = `The ${what} is copied.`;
  };
  const line = (what, text) => [
    h("dt", {}, `Key ${what}`),
    h("dd", {}, h("code", {}, text), " ", button(`Copy ${what}`, copy(what, text))),
  ];
  const opened = dialog(
    "New access key",
    [
      h("p", {}, "The secret is shown this once. Whoever has it acts as the application."),
      h("dl", {}, line("id", key.id), line("secret", key.secret)),
      copied,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "main", onclick: () => opened.close() }, "I have stored it"),
      ),
    ],
    { lasting: true },
  );
}

function roles(id) {
  const path = ["applications", id, "roles"];
  return section("Roles", async (refresh) => {
    const held = (await call("GET", ["applications", id])).roles;
    const all = await call("GET", ["roles"]).catch(() => []); // for administrators only; others type the name
    const known = h(
      "datalist",
      { id: "roles" },
      all.map((role) => h("option", { value: role.name })),
    );
    const role = h("input", {
      required: true,
      maxlength: "512",
      list: "roles",
      autocapitalize: "characters",
      spellcheck: "false",
    });
    const give = async () => {
      await call("POST", [...path, role.value]);
      tell(`Role ${role.value} is given.`);
      await refresh();
    };
    const take = (name) => async () => {
      await call("DELETE", [...path, name]);
      tell(`Role ${name} is taken away.`);
      await refresh();
    };
    const chip = (name) =>
      h("li", { class: "chip" }, name, button("×", take(name), { "aria-label": `Take away role ${name}` }));
    return [
      held.length > 0 ? h("ul", { class: "chips" }, held.map(chip)) : h("p", { class: "hint" }, "No roles."),
      form([field("Role", role), known], "Give role", give, { kind: "line" }),
    ];
  });
}

function grants(id) {
  return section("What it is granted", async () => {
    const held = await call("GET", ["auth", "subjects", "USER", `app:${id}`, "grants"]);
    const row = ({ target, access }) => [
      h(
        "div",
        { class: "name" },
        target.type === "SECRET_NAME" ? link("secrets", target.id) : `${target.type} ${target.id}`,
      ),
      h("div", { class: "hint" }, access.join(", ")),
    ];
    return [list(held, row, "Nothing is granted to it directly; roles, groups and tags count besides.")];
  });
}
