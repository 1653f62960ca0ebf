"""A stand-in for an agent in a terminal: agent.py NOTES [MODE]

It switches bracketed paste on, prompts with "ready> ", and writes each text
that it is sent to NOTES, one JSON line each: {"text": …, "pasted": bool}. What
it then does stands in the text: "work N" works N seconds, "ask" asks, "die"
ends, anything else works a moment. Modes: deaf (shows what is typed and takes
nothing), dialog (begins with a dialog whose default is to quit), stubborn (is
not interrupted), plain (takes no pastes).
"""

import json, os, re, select, signal, sys, termios, time, tty

notes, mode = sys.argv[1], (sys.argv + [""])[2]
out = sys.stdout.buffer


def say(text):
    out.write(text.encode())
    out.flush()


def note(**facts):
    with open(notes, "a") as file:
        file.write(json.dumps(facts) + "\n")


def work(seconds):
    """Works; whether it came to its end."""
    say("\r\nworking\r\n")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        left = min(0.1, max(0, until - time.monotonic()))
        if select.select([0], [], [], left)[0]:
            if b"\x03" in os.read(0, 4096):
                note(interrupted=True)
                if mode != "stubborn":
                    say("interrupted\r\n")
                    return


def dialog():
    say("Do you trust this folder?\r\n\r\n❯ No, exit\r\n  Yes, I trust it\r\n\r\nEnter to confirm\r\n")
    while True:
        key = os.read(0, 100)
        note(key=key.decode("latin1"))
        if b"\r" in key:
            sys.exit(1)
        if b"y" in key:
            say("\x1b[2J\x1b[H")
            return


def ask():
    say("\r\nReally do it?\r\n❯ 1. Yes\r\n  2. No\r\n")
    while b"1" not in os.read(0, 100):
        pass
    say("\x1b[2J\x1b[H")


def take(text, pasted):
    note(text=text.decode(), pasted=pasted)
    wanted = re.match(rb"work ([\d.]+)", text)
    if text.startswith(b"die"):
        os._exit(3)
    if text.startswith(b"ask"):
        ask()
    work(float(wanted[1]) if wanted else 0.05)
    say("done\r\n")
    prompt()


def prompt():
    say("\x1b[?2004%sready> " % ("l" if mode == "plain" else "h"))


def main():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    tty.setraw(0)
    if mode == "dialog":
        dialog()
    prompt()
    line, pasted, inside = b"", False, False
    pending = b""
    while True:
        read = os.read(0, 65536)
        if not read:
            return
        pending += read
        while pending:
            if inside:
                end = pending.find(b"\x1b[201~")
                if end < 0:
                    keep = 5 if len(pending) > 5 else 0
                    line, pending = line + pending[: len(pending) - keep], pending[len(pending) - keep :]
                    break
                line, pending, inside = line + pending[:end], pending[end + 6 :], False
                say(repr(line[:30].decode(errors="replace"))[1:-1])
            elif pending.startswith(b"\x1b[200~"):
                pending, pasted, inside = pending[6:], True, True
            elif pending.startswith(b"\r"):
                pending = pending[1:]
                if mode != "deaf" and line:
                    take(line, pasted)
                    line, pasted = b"", False
            elif pending.startswith(b"\x15"):
                pending, line, pasted = pending[1:], b"", False
                note(cleared=True)
                say("\r\x1b[Kready> ")
            elif pending.startswith(b"\x03"):
                pending = pending[1:]
                note(interrupted=True)
            elif b"\x1b[200~".startswith(pending):
                break
            else:
                line, pending = line + pending[:1], pending[1:]
                say(chr(line[-1]))


main()
