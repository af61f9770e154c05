// The real programs that stand for the four vendors, started and stopped by `tests/standins.py`.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const REPOSITORY = new URL("../..", import.meta.url).pathname;

export class Standins {
  /** Their `[[site]]` tables. */
  tables = "";
  private said: AsyncIterator<string>;

  private constructor(
    private readonly directory: string,
    private readonly program: ChildProcessWithoutNullStreams,
  ) {
    this.said = createInterface(program.stdout)[Symbol.asyncIterator]();
  }

  static async start(): Promise<Standins> {
    const python = join(REPOSITORY, ".tools/venv/bin/python");
    if (!existsSync(python)) throw new Error(`${python} is not there: \`cargo xtask test --only journeys\` installs it`);
    const directory = mkdtempSync(join(tmpdir(), "entente-standins-"));
    const program = spawn(python, [join(REPOSITORY, "tests/standins.py"), directory]);
    program.stderr.pipe(process.stderr);
    const started = new Standins(directory, program);
    for (let line = await started.next(); line !== "# ready"; line = await started.next()) started.tables += `${line}\n`;
    return started;
  }

  private async next(): Promise<string> {
    const { value, done } = await this.said.next();
    if (done) throw new Error("the stand-ins ended: what they said is above");
    return value as string;
  }

  /** `start` answers when it serves again. */
  async tell(deed: "kill" | "start" | "freeze" | "thaw", vendor: string): Promise<void> {
    this.program.stdin.write(`${deed} ${vendor}\n`);
    const answer = await this.next();
    if (answer !== `# ${deed} ${vendor}: done`) throw new Error(answer);
  }

  /** How many bytes lie in the files of one of them. */
  bytes(vendor: string): number {
    const files = readdirSync(join(this.directory, vendor), { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  }

  async stop(): Promise<void> {
    const over = new Promise((resolve) => this.program.once("exit", resolve));
    this.program.stdin.end();
    await over;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
