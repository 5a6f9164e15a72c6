// Bundle the front end with esbuild: one ES module and one style sheet, checked in, so that installing needs no Node.
//
// Names stay as they are written, so that errors in a browser's console can be read; white space goes.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = "cl_notebook/notebook/tree/static";

/** Return the paths and contents of the files that the sources bundle to. */
export async function bundle() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`${source}/tree.js`, `${source}/tree.css`],
    outdir: `${source}/bundle`,
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 130,
    write: false,
  });
  return outputFiles;
}

/** Return the paths of the checked-in files that differ from what the sources bundle to. */
export async function outdated() {
  const files = await bundle();
  const saved = await Promise.all(files.map(({ path }) => readFile(path, "utf8").catch(() => null)));
  return files.filter(({ text }, index) => text !== saved[index]).map(({ path }) => path);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--check")) {
    const paths = await outdated();
    if (paths.length) {
      console.error(`Not what the sources bundle to: ${paths.join(", ")}. Run 'npm run build' and commit the result.`);
      process.exitCode = 1;
    }
  } else {
    for (const { path, text } of await bundle()) await writeFile(path, text);
  }
}
