// Who may do what with a secret, and why: grants on its name and its tags, and the server's own explanation.

import { call } from "./api.js";
import { button, field, form, h, list, section, select, tell } from "./dom.js";
import { word } from "./tags.js";

const KINDS = [
  ["app", "Application"],
  ["user", "User"],
  ["role", "Role"],
  ["group", "Group"],
];
const ACCESS = ["READ", "UPDATE", "DELETE", "CREATE", "EXECUTE"];
const AT_ONCE = 8; // questions under way when everybody is asked about

/** Make the sections about access to the secret *name*: what is granted, and why somebody may or may not. */
export function access(name) {
  const grants = section("Who is granted access", async (refresh) => {
    const applications = await call("GET", ["applications"]);
    const names = new Map(applications.map((one) => [one.id, one.name]));
    return [
      list(
        await granted(["SECRET_NAME", name]),
        (grant) => described(grant, names, name, refresh),
        "Nobody is granted anything on this name.",
      ),
      await byTag(await call("GET", ["secrets", name, "tags"]), names),
      granting(name, applications, refresh),
    ];
  });
  return [grants, section("Who may, and why?", async () => explaining(name, await call("GET", ["applications"])))];
}

/** Grants on one target, as [{type, id, access}]. */
async function granted(target) {
  const found = await call("GET", ["auth", "authorization", ...target], { query: { groupBy: "subject" } });
  return Object.entries(found).map(([subject, held]) => {
    const at = subject.indexOf(":");
    return { type: subject.slice(0, at), id: subject.slice(at + 1), access: held };
  });
}

/** Show a subject: an application by its name and id. */
function shown(grant, names) {
  const id = grant.id.startsWith("app:") && grant.id.slice(4);
  if (grant.type !== "USER" || !id) return `${grant.type.toLowerCase()} ${grant.id}`;
  return names.has(id) && names.get(id) !== id ? `application ${names.get(id)} (${id})` : `application ${id}`;
}

function described(grant, names, name, refresh) {
  const revoke = (kind) => async () => {
    await call("DELETE", ["auth", "authorization"], { body: record(grant, name, [kind]) });
    tell(`${kind} is revoked from ${shown(grant, names)}.`);
    await refresh();
  };
  const chip = (kind) => {
    const label = `Revoke ${kind} from ${shown(grant, names)}`;
    return h("li", { class: "chip" }, kind, button("×", revoke(kind), { "aria-label": label }));
  };
  return [h("div", { class: "name" }, shown(grant, names)), h("ul", { class: "chips" }, grant.access.map(chip))];
}

/** Show what is granted on tags of the secret, or why it cannot be shown. */
async function byTag(tags, names) {
  const of = async (tag) => {
    try {
      const found = await granted(["TAG", `${tag.key}:${tag.value}`]);
      return found.map((grant) => ({
        who: shown(grant, names),
        what: `${grant.access.join(", ")} by tag ${word(tag)}`,
      }));
    } catch (error) {
      return [{ who: `Grants by tag ${word(tag)} cannot be shown`, what: error.message }];
    }
  };
  const each = await Promise.all(tags.map(of));
  const line = ({ who, what }) => [h("div", { class: "name" }, who), h("div", { class: "hint" }, what)];
  return each.flat().length > 0 && list(each.flat(), line, "");
}

function granting(name, applications, refresh) {
  const subject = subjectFields(applications);
  const boxes = ACCESS.map((kind) => h("input", { type: "checkbox", value: kind }));
  boxes[0].checked = true;
  const choices = h(
    "fieldset",
    {},
    h("legend", {}, "Access"),
    boxes.map((box) => h("label", { class: "check" }, box, box.value)),
  );
  const grant = async () => {
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    if (chosen.length === 0) throw new Error("choose what to grant");
    const who = subject.read();
    const app = who.kind === "app";
    const to = { type: app ? "USER" : who.kind.toUpperCase(), id: app ? `app:${who.id}` : who.id };
    await call("POST", ["auth", "authorization"], { body: record(to, name, chosen) });
    tell(`${chosen.join(", ")} is granted to ${who.kind} ${who.id}.`);
    await refresh();
  };
  return form([h("h3", {}, "Grant access"), h("div", { class: "line" }, subject.fields), choices], "Grant", grant);
}

function record(grant, name, held) {
  return { subject: { type: grant.type, id: grant.id }, target: { type: "SECRET_NAME", id: name }, access: held };
}

/** Make the two fields that name a subject. An application may be named by id, or by a name that only one has. */
function subjectFields(applications, required = true) {
  const id_ = `applications-${required ? "granted" : "asked"}`;
  const known = h(
    "datalist",
    { id: id_ },
    applications.map((one) => h("option", { value: one.id }, one.name)),
  );
  const kind = select(KINDS, {});
  const id = h("input", { required, maxlength: "512", list: known.id, autocapitalize: "off", spellcheck: "false" });
  kind.addEventListener("change", () => id.setAttribute("list", kind.value === "app" ? known.id : ""));
  const read = () => {
    const typed = id.value.trim();
    if (kind.value !== "app" || applications.some((one) => one.id === typed)) return { kind: kind.value, id: typed };
    const named = applications.filter((one) => one.name === typed);
    if (named.length > 1) throw new Error("several applications have this name; give the id");
    return { kind: "app", id: named[0]?.id ?? typed };
  };
  return { fields: [field("Subject", kind), field("Name or id", id), known], read };
}

function explaining(name, applications) {
  const subject = subjectFields(applications, false);
  const kind = select(
    ACCESS.map((one) => [one, one]),
    {},
  );
  const answers = h("div", { role: "status" });
  const ask = async () => {
    answers.replaceChildren(); // no old answer under a new question
    const who = subject.read();
    const subjects = who.id ? [`${who.kind}:${who.id}`] : await everybody();
    const found = await explained(name, subjects, kind.value);
    const told = who.id ? found : found.filter((one) => one.allowed);
    const line = (one) => h("div", { class: `reason ${one.allowed ? "yes" : "no"}` }, one.reason);
    answers.replaceChildren(...[list(told, line, `None of ${found.length} may ${kind.value} it.`)].flat());
  };
  return [
    form([h("div", { class: "line" }, subject.fields, field("May", kind))], "Ask", ask),
    h(
      "p",
      { class: "hint" },
      "Without a name, all users and applications are asked about; only administrators can do that.",
    ),
    answers,
  ];
}

async function everybody() {
  const users = await call("GET", ["users"], { query: { apps: "true" } });
  return users.map((user) => (user.applicationUser ? user.id : `user:${user.id}`));
}

async function explained(name, subjects, kind) {
  const found = [];
  for (let from = 0; from < subjects.length; from += AT_ONCE) {
    const some = subjects.slice(from, from + AT_ONCE);
    const ask = (subject) => call("GET", ["secrets", name, "explain"], { query: { subject, access: kind } });
    found.push(...(await Promise.all(some.map(ask))));
  }
  return found;
}
