"""The book: every command in it is run, every link leads somewhere, every page has its place.

A fenced block ```console is a row of commands (`$ ` before each, `> ` before further lines of one) with some of
what they print. The blocks of a page are run in their order in one shell, on a directory and ports of the page's
own. What a block shows must be printed, in that order; numbers, ids and times may differ, `…` stands for anything.
A command that must fail begins with `!`.

- ```console,background starts something and waits until it is ready; it ends with the page.
- ```console,needs-cloud (or -systemd, -container, -source) is not run: nothing of that is here.
- ```toml,file=NAME (any language) is written to that file first.
- `<!-- run` … `-->` holds commands that the reader need not see.
"""

import html.parser
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import urllib.parse

import pytest

from world import REPOSITORY, binary, free_port, run

DOCS = REPOSITORY / "docs"
SUMMARY = DOCS / "SUMMARY.md"
NEEDS = {"needs-cloud", "needs-systemd", "needs-container", "needs-source"}
SHELLS = {"sh", "bash", "shell", "shell-session", "zsh"}
# Its blocks are run by test_people.py, as one script.
RUN_ELSEWHERE = {"levels.md"}
BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$|^<!-- run\n(.*?)^-->$", re.M | re.S)
PAGE_TIMEOUT_S = 120
MARK = "\x1e"

# `up COMMAND` runs in a terminal of its own until it says that it is ready; `stop` ends the last one in order.
PRELUDE = r"""
running=() logs=()
up() {
    local log
    log=$(mktemp "$HOME/up.XXXXXX")
    script -qefc "echo \$\$ > $log.pid; exec $1" "$log" > /dev/null 2>&1 < /dev/null &
    logs+=("$log")
    running+=($!)
    for _ in $(seq 600); do
        grep -q "is ready" "$log" && grep -q "key create\|presign\|X-Amz-Signature" "$log" && break
        kill -0 $! 2> /dev/null || { cat "$log"; return 1; }
        sleep 0.1
    done
    tr -d '\r' < "$log"
}
stop() {
    local last=${running[-1]} log=${logs[-1]}
    unset 'running[-1]' 'logs[-1]'
    kill -TERM "$(cat "$log.pid")"
    wait "$last"
}
trap "exit 1" TERM
trap 'while [ ${#running[@]} -gt 0 ]; do stop; done' EXIT
"""


class Block:
    """One fenced block, or a comment that is run: its kind, the words behind it, its text, its line."""

    def __init__(self, match, text):
        info, self.text, hidden = match.groups()
        self.line = text.count("\n", 0, match.start()) + 1
        self.language, *self.words = (info or "").split(",")
        if hidden is not None:
            self.language, self.words, self.text = "console", [], hidden
        named = [word.removeprefix("file=") for word in self.words if word.startswith("file=")]
        self.file = named[0] if named else None

    @property
    def runs(self):
        return self.language == "console" and not NEEDS & set(self.words)

    def commands(self):
        """Each command with what is shown of its output."""
        found = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.startswith("> ") and found and not found[-1][1]:
                found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
            elif found:
                found[-1][1].append(line)
            else:
                raise AssertionError(f"line {self.line}: a console block begins with `$ `, not with `{line}`")
        return found


def blocks(page):
    text = page.read_text()
    return [Block(match, text) for match in BLOCK.finditer(text)]


def pages():
    return sorted(path for path in DOCS.rglob("*.md") if path != SUMMARY)


def name_of(page):
    return str(page.relative_to(DOCS))


def told():
    """The pages that SUMMARY.md names, in its order."""
    return re.findall(r"\]\(([^)]+)\)", SUMMARY.read_text())


# Commands.


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_block_of_commands_is_one_that_is_run_or_says_what_it_needs(page):
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        if block.language == "console":
            unknown = set(block.words) - NEEDS - {"background"}
            assert not unknown, f"{where}: what is {unknown}?"
            assert block.commands(), f"{where}: no command"
        elif block.language in SHELLS:
            assert name_of(page) in RUN_ELSEWHERE, f"{where}: write ```console, so that it is run"
        else:
            assert not re.search(r"^\$ ", block.text, re.M), f"{where}: commands in a block that is no ```console"


def pages_with_commands():
    return [page for page in pages() if any(block.runs for block in blocks(page))]


@pytest.mark.timeout(PAGE_TIMEOUT_S + 30)
@pytest.mark.parametrize("page", pages_with_commands(), ids=name_of)
def test_the_commands_of_a_page_do_what_it_says(page, tmp_path):
    ports = Ports()
    script, expected = [PRELUDE], []
    for block in blocks(page):
        if block.file:
            script.append(written(block))
        if not block.runs:
            continue
        for command, shown in block.commands():
            number = len(expected)
            expected.append((f"{name_of(page)}:{block.line}", command, shown))
            script.append(f"printf '{MARK}B {number}\\n'\n{ports.put_into(command, 'background' in block.words)}")
            script.append(f"status=$?; printf '\\n{MARK}E {number} %s\\n' $status; [ $status = 0 ] || exit 1")
    output = shell("\n".join(script), tmp_path)
    for number, (where, command, shown) in enumerate(expected):
        found = re.search(rf"{MARK}B {number}\n(.*?)\n{MARK}E {number} (\d+)\n", output, re.S)
        assert found, f"{where}: `{command}` did not end:\n{output[-4000:]}"
        assert found.group(2) == "0", f"{where}: `{command}` ended with {found.group(2)}:\n{found.group(1)[-4000:]}"
        missing = first_missing(shown, found.group(1))
        assert missing is None, f"{where}: `{command}` does not print `{missing}`:\n{found.group(1)[-4000:]}"


class Ports:
    """The ports of a page: what the book calls 9000 to 9002, and as many more as it names."""

    def __init__(self):
        self.of = {}

    def put_into(self, command, background):
        command = re.sub(r"\b(127\.0\.0\.1|localhost):(9\d{3})\b", self._other, command)
        if not background:
            return command
        # What is built is what is tested; `make up` builds it and starts it so.
        command = re.sub(r"^make up", "entente up", command)
        command = re.sub(r"^target/release/", "", command)
        for flag, port in (("--s3-listen", "9000"), ("--admin-listen", "9001"), ("--console-listen", "9002")):
            if flag not in command:
                command += f" {flag} 127.0.0.1:{self._port(port)}"
        return f"up {quoted(command)}"

    def _port(self, told):
        return self.of.setdefault(told, free_port())

    def _other(self, match):
        return f"{match.group(1)}:{self._port(match.group(2))}"


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def written(block):
    return f"mkdir -p \"$(dirname {quoted(block.file)})\"; printf %s {quoted(block.text)} > {quoted(block.file)}"


def shell(script, directory):
    """Runs it in bash, in a directory and with an environment that hold nothing of this machine's."""
    tools = f"{pathlib.Path(binary()).parent}:{pathlib.Path(sys.executable).parent}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTENTE_"))}
    own = {"HOME": str(directory), "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "COLUMNS": "200", "SHELL": "/bin/bash"}
    work = directory / "work"
    work.mkdir()
    running = subprocess.Popen(
        ["bash", "-u"],
        cwd=work,
        env={**kept, **own, "PATH": f"{tools}:{kept['PATH']}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        return running.communicate(script, timeout=PAGE_TIMEOUT_S)[0] + "\n"
    except subprocess.TimeoutExpired:
        # The shell ends what it started when it is told to end itself.
        os.killpg(running.pid, signal.SIGTERM)
        return running.communicate()[0] + "\n"


VARYING = [
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "T"),
    (re.compile(r"\bENTE[0-9A-Z]{8,}\b"), "K"),
    (re.compile(r"\b[0-9a-f]{8,}\b"), "H"),
    # A figure with its unit: 12 KiB or 1.3 MiB, 8.9 ms or 1.2 s.
    (re.compile(r"\b\d+([.,]\d+)*( (bytes|KiB|MiB|GiB)| ?(ms|s)\b)"), "N"),
    (re.compile(r"\d+([.,]\d+)*"), "N"),
    (re.compile(r"-{2,}"), "-"),
    (re.compile(r"\s+"), " "),
]


def masked(line):
    for pattern, mask in VARYING:
        line = pattern.sub(mask, line)
    return line.strip()


def first_missing(shown, printed):
    """The first line shown that is not printed after those before it."""
    lines = iter([masked(line) for line in printed.splitlines()])
    for line in shown:
        if line.strip() in ("", "…"):
            continue
        parts = [re.escape(masked(part)) for part in line.split("…")]
        wanted = re.compile(r"\s?.*\s?".join(parts))
        if not any(wanted.fullmatch(candidate) for candidate in lines):
            return line
    return None


def test_what_is_shown_and_not_printed_is_found():
    printed = "SITE VENDOR\namazon 12 pieces 3.5 MiB\noracle  out"
    assert first_missing(["SITE   VENDOR", "…", "amazon 7 pieces 12 KiB"], printed) is None
    assert first_missing(["amazon …", "oracle out"], printed) is None
    assert first_missing(["oracle out", "amazon …"], printed) == "amazon …"
    assert first_missing(["google …"], printed) == "google …"
    assert first_missing(["amazon 7 segments 12 KiB"], printed) is not None


# Pages and links.


def test_every_page_has_its_place_in_the_book_once():
    assert len(told()) == len(set(told())), "a page stands in the summary twice"
    there = {name_of(page) for page in pages()}
    assert not there - set(told()), f"name in docs/SUMMARY.md: {sorted(there - set(told()))}"
    assert not set(told()) - there, f"docs/SUMMARY.md names what is not there: {sorted(set(told()) - there)}"


def test_the_page_of_the_console_names_its_views():
    source = [REPOSITORY / "console/src/routes.ts", *REPOSITORY.glob("console/src/pages/*/routes.ts")]
    there = re.findall(r'nav: \{ group: "([^"]+)", label: "([^"]+)"', "".join(path.read_text() for path in source))
    named = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \| [^|]+ \|$", (DOCS / "operating/console.md").read_text(), re.M)
    assert sorted(named[1:]) == sorted(there)


# Commands with a test file of their own.
TESTED_ELSEWHERE = {"entente adoption", "entente demo", "entente doctor", "entente man"}


def test_what_prose_calls_a_command_is_one_and_is_run():
    """Of a command within a sentence: the program has it with these options, and a block or a transcript runs it."""
    parts = re.split(r"^## `?([^`\n]+)`?$", (DOCS / "cli.md").read_text(), flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    everywhere, wrong, count = parts[0] + sections["entente"], [], 0

    def command_of(span):
        words = [word for word in span.split() if word[0] != "-"]
        noun = " ".join(words[:2])
        has_verbs = any(name.startswith(f"{noun} ") for name in sections)
        # A noun stands alone, or with a verb that it has.
        name = " ".join(words[:3]) if has_verbs and len(words) > 2 and re.fullmatch("[a-z-]+", words[2]) else noun
        return name if name in sections else None

    ran = re.findall(r"\bentente [^\n|;)]+", ran_in_blocks_and_transcripts())
    ran = {command_of(command) for command in ran} | TESTED_ELSEWHERE
    for page in [*pages(), *front_pages()]:
        # Names in formats begin with the program's, and end in their version.
        for span in re.findall(r"`(entente (?![a-z]* ?v\d)[^`]+)`", page.read_text()):
            words, count, name = span.split(), count + 1, command_of(span)
            options = {word.split("=")[0] for word in words if word.startswith("--")} - {"--help", "--version"}
            if name is None or any(not re.search(rf"{option}(?![\w-])", sections[name] + everywhere) for option in options):
                wrong.append(f"{page.name}: {span}: there is no such command or option")
            elif page.name != "cli.md" and not any(f"{one} ".startswith(f"{name} ") for one in ran if one):
                wrong.append(f"{page.name}: {span}: nothing runs it")
    assert count > 100 and not wrong, "\n".join(wrong)


def ran_in_blocks_and_transcripts():
    of = [(page, block) for page in pages() for block in blocks(page)]
    ran = [command for _, block in of if block.runs for command, _ in block.commands()]
    ran += [block.text for page, block in of if name_of(page) in RUN_ELSEWHERE]
    transcripts = [path.read_text() for path in (REPOSITORY / "tests/transcripts").glob("*.txt")]
    return "\n".join([*ran, *(line for text in transcripts for line in text.splitlines() if line.startswith("$ "))])


def test_the_page_of_the_command_line_is_what_the_program_says():
    assert (DOCS / "cli.md").read_text() == run(binary(), "man", "--markdown"), "entente man --markdown > docs/cli.md"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not there: apt-get install systemd")
def test_the_service_is_exposed_as_little_as_its_page_says():
    judged = run("systemd-analyze", "security", "--offline=yes", "--no-pager", REPOSITORY / "deploy/entente.service")
    exposure = re.search(r"Overall exposure level for entente.service: (\S+) (\w+)", judged).groups()
    told = re.search(r'overall exposure (\S+), "(\w+)"', (REPOSITORY / "deploy/README.md").read_text()).groups()
    assert exposure == told, "say it in deploy/README.md"


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.anchors = [], set()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors.add(given.get("id"))
        # An anchor that mdBook puts at a heading leads to the heading itself.
        link = given.get("href") or given.get("src")
        if link and tag in ("a", "img", "object"):
            self.links.append(link)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The book as mdBook builds it."""
    place = tmp_path_factory.mktemp("book")
    mdbook = pathlib.Path(sys.executable).with_name("mdbook")
    command = [mdbook, "build", REPOSITORY, "--dest-dir", place]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and not re.search(r"\b(WARN|ERROR)\b", done.stdout + done.stderr), done.stderr
    return place


def test_every_link_of_the_book_leads_somewhere(built):
    parsed = {}
    for path in built.rglob("*.html"):
        parsed[path] = Links()
        parsed[path].feed(path.read_text())
    assert len(parsed) > 30, "the book has hardly a page"
    dead = []
    for path, page in parsed.items():
        for link in page.links:
            address = urllib.parse.urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = (path.parent / urllib.parse.unquote(address.path)).resolve() if address.path else path
            if not target.is_relative_to(built):
                # `book/` lies in the repository where `docs/` does, so what leads out of it leads there.
                target = REPOSITORY / "book" / os.path.relpath(target, built)
                target = pathlib.Path(os.path.normpath(target))
            name = path.relative_to(built)
            if not target.exists():
                dead.append(f"{name}: {link}")
            elif address.fragment and target in parsed and urllib.parse.unquote(address.fragment) not in parsed[target].anchors:
                dead.append(f"{name}: {link} (no such heading)")
    assert not dead, "\n".join(sorted(set(dead)))


def front_pages():
    named = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md", "console/README.md"]
    return [REPOSITORY / name for name in named]


@pytest.mark.parametrize("page", front_pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_beside_the_book_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not dead, dead
