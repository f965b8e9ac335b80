// Removes every `resolved` address from package-lock.json, so that the lock says what is installed but not from where.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const entry of Object.values(lock.packages ?? {})) {
  // Links between workspaces keep theirs: it is a relative folder.
  if (!entry.link) delete entry.resolved;
}
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
