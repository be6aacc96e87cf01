// Every secret, authorization and application call of @io-orkes/conductor-javascript, one JSON line each.
import { OrkesClients } from "@io-orkes/conductor-javascript";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const clients = await OrkesClients.from({
  serverUrl: process.argv[2],
  keyId: process.env.CONDUCTOR_AUTH_KEY,
  keySecret: process.env.CONDUCTOR_AUTH_SECRET,
  logger: quiet,
}, undefined, quiet);
const secrets = clients.getSecretClient();
const authorization = clients.getAuthorizationClient();
const applications = clients.getApplicationClient();

async function call(name, act, expect = () => true, fails = false) {
  let outcome, result;
  try {
    result = await act();
    outcome = !fails && expect(result) ? "ok" : `unexpected ${JSON.stringify(result)}`;
  } catch (error) {
    outcome = fails ? "ok" : `${error.name}: ${error.message}`;
  }
  console.log(JSON.stringify({ call: name, outcome: outcome.slice(0, 300) }));
  return result;
}

const values = { needles: "pinetree", digits: "0042", word: "true", object: '{"user": "neo", "port": 5432}', odd: 'a"b\\c\nä🔑', quoted: '"q"' };
for (const [key, value] of Object.entries(values)) {
  await call(`putSecret (${key})`, () => secrets.putSecret(key, value));
  await call(`getSecret (${key})`, () => secrets.getSecret(key), (got) => got === value);
}
await call("getSecret (absent)", () => secrets.getSecret("absent"), undefined, true);
await call("secretExists (present)", () => secrets.secretExists("needles"), (got) => got === true);
// This client takes any answer for "yes", the documented `false` too.
await call("secretExists (absent)", () => secrets.secretExists("nowhere"), (got) => got === true);
await call("listAllSecretNames", () => secrets.listAllSecretNames(), (got) => got.includes("needles"));
await call("listSecretsThatUserCanGrantAccessTo", () => secrets.listSecretsThatUserCanGrantAccessTo(), (got) => got.includes("needles"));
const tags = [{ key: "org", value: "sales", type: "METADATA" }, { key: "tier", value: "gold", type: "METADATA" }];
await call("setSecretTags", () => secrets.setSecretTags(tags, "needles"));
await call("getSecretTags", () => secrets.getSecretTags("needles"), (got) => got.length === 2 && got[0].value === "sales");
await call("deleteSecretTags", () => secrets.deleteSecretTags(tags.slice(0, 1), "needles"));
await call("getSecretTags (after)", () => secrets.getSecretTags("needles"), (got) => got.length === 1 && got[0].key === "tier");
await call("deleteSecret", () => secrets.deleteSecret("odd"));

const { id } = await call("createApplication", () => applications.createApplication("shipping"), (got) => got.name === "shipping");
await call("getApplication", () => applications.getApplication(id), (got) => got.id === id);
await call("getAllApplications", () => applications.getAllApplications(), (got) => got.some((one) => one.id === id));
await call("updateApplication", () => applications.updateApplication(id, "post"), (got) => got.name === "post");
await call("addApplicationTags", () => applications.addApplicationTags(id, tags));
await call("addApplicationTag", () => applications.addApplicationTag(id, { key: "one", value: "more" }));
await call("getApplicationTags", () => applications.getApplicationTags(id), (got) => got.length === 3);
await call("deleteApplicationTags", () => applications.deleteApplicationTags(id, tags));
await call("deleteApplicationTag", () => applications.deleteApplicationTag(id, { key: "one", value: "more" }));
await call("addApplicationRole", () => applications.addApplicationRole(id, "WORKER"));
await call("removeRoleFromApplicationUser", () => applications.removeRoleFromApplicationUser(id, "WORKER"));
const key = await call("createAccessKey", () => applications.createAccessKey(id), (got) => got.secret.length > 20);
await call("getAccessKeys", () => applications.getAccessKeys(id), (got) => got[0].id === key.id && got[0].status === "ACTIVE");
await call("getAppByAccessKeyId", () => applications.getAppByAccessKeyId(key.id), (got) => got.id === id);
await call("toggleAccessKeyStatus", () => applications.toggleAccessKeyStatus(id, key.id), (got) => got.status === "INACTIVE");
await call("deleteAccessKey", () => applications.deleteAccessKey(id, key.id));

await call("upsertUser", () => authorization.upsertUser("ann@example.com", { name: "Ann", roles: ["USER"], groups: [] }), (got) => got.name === "Ann");
await call("getUser", () => authorization.getUser("ann@example.com"), (got) => got.roles[0].name === "USER");
await call("getUser (app:<id>)", () => authorization.getUser(`app:${id}`), (got) => got.applicationUser === true);
await call("listUsers", () => authorization.listUsers(), (got) => got.length === 1);
await call("listUsers (with applications)", () => authorization.listUsers(true), (got) => got.length > 2);
await call("upsertGroup", () => authorization.upsertGroup("finance", { description: "Finance", roles: ["USER"] }), (got) => got.id === "finance");
await call("getGroup", () => authorization.getGroup("finance"), (got) => got.description === "Finance");
await call("listGroups", () => authorization.listGroups(), (got) => got.length === 1);
await call("addUserToGroup", () => authorization.addUserToGroup("finance", "ann@example.com"));
await call("addUsersToGroup", () => authorization.addUsersToGroup("finance", [`app:${id}`]));
await call("getUsersInGroup", () => authorization.getUsersInGroup("finance"), (got) => got.length === 2);

const grant = (type, who, kind, what, access) => ({ subject: { type, id: who }, target: { type: kind, id: what }, access });
await call("grantPermissions", () => authorization.grantPermissions(grant("USER", `app:${id}`, "SECRET_NAME", "needles", ["READ"])));
await call("grantPermissions (group)", () => authorization.grantPermissions(grant("GROUP", "finance", "SECRET_NAME", "needles", ["READ"])));
await call("grantPermissions (tag)", () => authorization.grantPermissions(grant("GROUP", "finance", "TAG", "org:sales", ["READ"])));
await call("getPermissions", () => authorization.getPermissions("SECRET_NAME", "needles"), (got) => got.READ.length === 2);
await call("getGrantedPermissionsForUser", () => authorization.getGrantedPermissionsForUser(`app:${id}`), (got) => got.grantedAccess[0].access[0] === "READ");
await call("getGrantedPermissionsForGroup", () => authorization.getGrantedPermissionsForGroup("finance"), (got) => got.grantedAccess.length === 2);
await call("checkPermissions", () => authorization.checkPermissions(`app:${id}`, "SECRET_NAME", "needles"), (got) => got.READ === true && got.DELETE === false);
await call("removePermissions", () => authorization.removePermissions(grant("USER", `app:${id}`, "SECRET_NAME", "needles", ["READ"])));
await call("getPermissions (after)", () => authorization.getPermissions("SECRET_NAME", "needles"), (got) => got.READ.length === 1);

await call("removeUserFromGroup", () => authorization.removeUserFromGroup("finance", "ann@example.com"));
await call("removeUsersFromGroup", () => authorization.removeUsersFromGroup("finance", [`app:${id}`]));
await call("deleteGroup", () => authorization.deleteGroup("finance"));
await call("deleteUser", () => authorization.deleteUser("ann@example.com"));
await call("deleteApplication", () => applications.deleteApplication(id));
await call("getApplication (deleted)", () => applications.getApplication(id), undefined, true);
process.exit(0); // the client keeps a timer that renews its token
