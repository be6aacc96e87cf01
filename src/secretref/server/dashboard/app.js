// The page: who is signed in, and which view is shown.

import { call, onExpired, signIn, signOut } from "./api.js";
import { application, applications } from "./applications.js";
import { audit } from "./audit.js";
import { field, form, h, tell } from "./dom.js";
import { secret, secrets } from "./secrets.js";

const VIEWS = {
  secrets: { title: "Secrets", all: secrets, one: secret },
  applications: { title: "Applications", all: applications, one: application },
  audit: { title: "Audit", all: audit, admin: true },
};
const bar = document.getElementById("bar");
const brand = bar.firstElementChild;
const main = document.getElementById("view");

let user = null;
let shown = 0; // counts views, so that a late answer does not replace a newer view

function leave(message) {
  signOut();
  user = null;
  shown += 1;
  main.removeAttribute("aria-busy");
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
  bar.replaceChildren(brand);
  const keyId = h("input", { required: true, autocomplete: "username", autocapitalize: "off", spellcheck: "false" });
  const keySecret = h("input", { required: true, type: "password", autocomplete: "current-password" });
  const enter = async () => {
    const secret = keySecret.value;
    keySecret.value = "";
    await signIn(keyId.value.trim(), secret);
    user = await call("GET", ["token", "userInfo"]);
    tell("");
    await show();
  };
  main.replaceChildren(
    h("h1", { tabindex: "-1" }, "Sign in"),
    form([field("Key id", keyId), field("Key secret", keySecret)], "Sign in", enter, { kind: "narrow" }),
  );
  document.title = "Sign in · secretref";
  tell(message);
  keyId.focus();
}

function route() {
  const [view, ...rest] = location.hash.slice(1).split("/");
  try {
    return [Object.hasOwn(VIEWS, view) ? view : "secrets", decodeURIComponent(rest.join("/"))];
  } catch {
    return ["secrets", ""];
  }
}

async function show() {
  if (user === null) return;
  const number = (shown += 1);
  const [name, id] = route();
  const view = VIEWS[name];
  const away = () => (location.hash = `#${name}`);
  main.setAttribute("aria-busy", "true");
  const made = await (id && view.one ? view.one(id, away) : view.all()).catch((error) => [
    h("h1", { tabindex: "-1" }, view.title),
    h("p", { class: "problem", role: "alert" }, error.message),
  ]);
  if (number !== shown) return;
  navigation(name);
  main.replaceChildren(...made.flat(2));
  main.removeAttribute("aria-busy");
  document.title = `${id || view.title} · secretref`;
  main.querySelector("h1").focus();
  scrollTo(0, 0);
}

function navigation(current) {
  const admin = user.roles.some((role) => role.name === "ADMIN");
  const links = Object.entries(VIEWS)
    .filter(([, view]) => admin || !view.admin)
    .map(([name, view]) => h("a", { href: `#${name}`, "aria-current": name === current && "page" }, view.title));
  bar.replaceChildren(
    brand,
    h("nav", { "aria-label": "Views" }, links),
    h("span", { class: "who" }, user.name || user.id),
    h("button", { type: "button", onclick: () => leave("You are signed out.") }, "Sign out"),
  );
}

onExpired(() => leave("The server takes this token no more. Sign in again."));
addEventListener("hashchange", show);
addEventListener("pagehide", () => leave(""));
leave("");
