// Builds every browser bundle into src/labelwright/portal/static/ (or the folder after --out). One table says what is
// built from what. A server may be running: files are made beside the old ones and take their places at the end.
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build, context } from "esbuild";

const web = dirname(fileURLToPath(import.meta.url));
const outAt = process.argv.indexOf("--out");
const target = outAt > 0 ? resolve(process.argv[outAt + 1]) : join(web, "..", "src", "labelwright", "portal", "static");

/**
 * entry   source file; a package that is not there yet is left out
 * name    bundle name without suffix (a stylesheet imported by the entry becomes <name>.css)
 * format  `iife`: a classic script that defines everything before the parser goes on; `esm`: a module
 * assets  folder of files copied as they are
 */
const bundles = [
  { name: "crowd-html-elements", entry: "packages/crowd-elements/src/main.ts", format: "iife" },
  { name: "portal", entry: "packages/portal/src/main.ts", format: "esm", assets: "packages/portal/assets" },
];

const watch = process.argv.includes("--watch");
await mkdir(target, { recursive: true });
const out = watch ? target : await mkdtemp(join(target, ".new-"));

const borrowed = new Set();
for (const { name, entry, format, assets } of bundles) {
  if (!existsSync(join(web, entry))) continue;
  const options = {
    absWorkingDir: web,
    entryPoints: { [name]: entry },
    outdir: out,
    bundle: true,
    format,
    target: ["chrome123", "firefox121", "safari17.5"],
    minify: !watch,
    sourcemap: watch ? "inline" : false,
    legalComments: "none",
    charset: "utf8",
    logLevel: "warning",
    // Worker-facing bundles must never pull pictures or fonts from elsewhere: small ones travel inside.
    loader: { ".svg": "text", ".woff2": "dataurl", ".png": "dataurl" },
    tsconfig: join(web, "tsconfig.json"),
  };
  if (watch) await (await context(options)).watch();
  else {
    const { metafile } = await build({ ...options, metafile: true });
    for (const input of Object.keys(metafile.inputs)) {
      const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
      if (found) borrowed.add(found[1]);
    }
  }
  if (assets && existsSync(join(web, assets))) await cp(join(web, assets), out, { recursive: true });
}

if (!watch) {
  await writeFile(join(out, "licenses.txt"), await licensesOf([...borrowed].sort()));
  const made = await readdir(out);
  for (const name of made) {
    const place = join(target, name);
    // A folder cannot be replaced in one step, a file can.
    if (existsSync(place) && (await stat(place)).isDirectory()) await rm(place, { recursive: true });
    await rename(join(out, name), place);
  }
  for (const name of await readdir(target)) if (!made.includes(name)) await rm(join(target, name), { recursive: true });
  for (const file of (await readdir(target)).sort()) {
    if (!/\.(js|css)$/.test(file)) continue;
    const bytes = await readFile(join(target, file));
    const kb = (n) => `${(n / 1000).toFixed(1)} kB`;
    console.log(
      `${relative(join(web, ".."), join(target, file))}  ${kb(bytes.length)}, gzipped ${kb(gzipSync(bytes).length)}`,
    );
  }
}

/** The licences of the packages that are part of the bundles: they ask to be passed on. */
async function licensesOf(packages) {
  const texts = [];
  for (const name of packages) {
    const folder = join(web, "node_modules", name);
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} is bundled but has no licence file`);
    texts.push(`${name} ${version}\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(100)}\n\n`);
}
