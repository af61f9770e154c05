// Starts and stops the real binary on a directory of its own, with four directories that stand for the vendors.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { S3 } from "../src/s3/client";
import { Signer, sha256, utf8 } from "../src/sign/sigv4";

const REPOSITORY = new URL("../..", import.meta.url).pathname;
const READY_MS = 60_000;
const run = promisify(execFile);

export interface Key {
  accessKey: string;
  secret: string;
}

/** With the label that its sessions have. */
export interface IssuedKey extends Key {
  label: string;
}

interface Ready {
  console_url: string;
  s3_endpoint: string;
  region: string;
  access_key: string;
  secret_key: string;
}

/** The program under test; journeys build nothing. */
export function binary(): string {
  const path = process.env.ENTENTE_BIN ?? join(REPOSITORY, "target/release/entente");
  if (!existsSync(path)) throw new Error(`${path} is not there: build it in release, or set ENTENTE_BIN`);
  return path;
}

export class World {
  private constructor(
    private readonly directory: string,
    private readonly sites: string,
    /** How the command line finds it. */
    private readonly where: string[],
    private readonly process: ChildProcess,
    readonly ready: Ready,
  ) {}

  /**
   * With a `range` it is an enclave of several levels, with `vendors` one over those `[[site]]` tables in place of
   * directories. In either nobody is there yet but its officer.
   */
  static async start({ range, vendors }: { range?: [string, string]; vendors?: string } = {}): Promise<World> {
    const directory = join(mkdtempSync(join(tmpdir(), "entente-journey-")), "data");
    const listen = ["--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--console-listen", "127.0.0.1:0"];
    const written = range || vendors !== undefined;
    const where = written ? ["--config", await configured(directory, range, vendors)] : ["--data-dir", directory];
    const sites = written ? join(directory, "../sites") : join(directory, "sites");
    const started = spawn(binary(), ["up", ...where, "--json", ...listen], { stdio: ["ignore", "pipe", "pipe"] });
    started.stderr.pipe(createWriteStream(`${directory}.log`));
    const ready = await new Promise<Ready>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not ready after ${READY_MS / 1000} s: see ${directory}.log`)), READY_MS);
      createInterface(started.stdout).once("line", (line) => (clearTimeout(late), resolve(JSON.parse(line) as Ready)));
      started.once("exit", (code) => reject(new Error(`it ended with ${code}: see ${directory}.log`)));
    });
    return new World(directory, sites, where, started, ready);
  }

  /** A second time it does nothing: a journey may stop a world that is stopped behind it in any case. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const over = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGTERM");
    await over;
    rmSync(join(this.directory, ".."), { recursive: true, force: true });
  }

  get url(): string {
    return this.ready.console_url;
  }

  /** The first mission owner's. */
  get owner(): Key {
    return { accessKey: this.ready.access_key, secret: this.ready.secret_key };
  }

  /** As whom the command line signs, to speak as the officer of the first start. */
  get officer(): string[] {
    return ["--as", join(this.directory, "officer")];
  }

  async cli(...words: string[]): Promise<string> {
    return (await run(binary(), [...words, ...this.where], { timeout: 60_000 })).stdout;
  }

  /** A user of the role with a key, made as the officer of the first start: at this label, or who sees all of them. */
  async person(name: string, role: string, label?: string): Promise<IssuedKey> {
    const officer = this.officer;
    await this.cli("user", "create", name, "--role", role, "--clearance", label ?? "everything", ...officer);
    const made = JSON.parse(await this.cli("key", "create", "--user", name, ...(label ? ["--label", label] : []), "--json", ...officer)) as { access_key: string; secret_key: string; label: string };
    return { accessKey: made.access_key, secret: made.secret_key, label: made.label };
  }

  /** The S3 door, as the first owner or another, by the console's own client. */
  async s3({ accessKey, secret }: Key = this.owner): Promise<S3> {
    return new S3(await Signer.of(accessKey, secret), this.ready.s3_endpoint, this.ready.region);
  }

  /** Makes something through the API: quicker than a program for each, where there are many. */
  async post({ accessKey, secret }: Key, path: string, document: object): Promise<void> {
    const url = new URL(`/api/v1${path}`, this.url);
    const body = JSON.stringify(document);
    const asked = { method: "POST", url, headers: { "content-type": "application/json" }, bodyHash: await sha256(utf8(body)) };
    const headers = await (await Signer.of(accessKey, secret)).sign(asked, { region: this.ready.region, service: "entente" });
    const answer = await fetch(url, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  }

  site(name: string): string {
    return join(this.sites, name);
  }

  /** A vendor is gone until it is put back. */
  tear(name: string): () => void {
    const away = `${this.site(name)}-away`;
    renameSync(this.site(name), away);
    return () => renameSync(away, this.site(name));
  }
}

/** The configuration of an enclave of these levels, or over these sites: what `up` makes by itself has every one of `us`. */
async function configured(directory: string, range?: [string, string], vendors?: string): Promise<string> {
  const root = join(directory, "..");
  await run(binary(), ["root-key", join(root, "root.key")]);
  const local = (vendor: string) => {
    mkdirSync(join(root, "sites", vendor), { recursive: true });
    const ceiling = range ? `ceiling = "${range[1]}"\n` : "";
    return `[[site]]\nname = "${vendor}"\nvendor = "${vendor}"\nkind = "local"\npath = "sites/${vendor}"\n${ceiling}`;
  };
  const levels = range ? `labels = "us"\nrange = ["${range[0]}", "${range[1]}"]\n` : "";
  const enclave = `[enclave]\ndata_dir = "data"\nroot_key = "root.key"\n${levels}`;
  const path = join(root, "entente.toml");
  writeFileSync(path, `${enclave}\n${vendors ?? ["amazon", "microsoft", "google", "oracle"].map(local).join("")}`);
  return path;
}

/** Bytes that are told apart by their seed. */
export function content(seed: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

/** Puts and gets, one after the other, until it is stopped; whatever fails is thrown at the end. */
export function load(s3: S3, bucket: string): { stop: () => Promise<number> } {
  let going = true;
  const work = (async () => {
    let done = 0;
    for (; going; done++) {
      const body = content(done, 40_000 + (done % 7) * 300_000);
      await s3.request({ method: "PUT", bucket, key: `load/${done}`, body });
      const got = new Uint8Array(await (await s3.request({ method: "GET", bucket, key: `load/${done}` })).arrayBuffer());
      if (Buffer.compare(got, body) !== 0) throw new Error(`load/${done} came back otherwise`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return done;
  })();
  work.catch(() => undefined);
  return { stop: () => ((going = false), work) };
}
