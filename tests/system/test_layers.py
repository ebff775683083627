"""tests/support/check-layers finds each kind of offence, and nothing else."""
import subprocess
from pathlib import Path

import pytest
from procs import patient

CHECK = Path(__file__).parents[1] / "support/check-layers"

GOOD = {
    "common/error.c": '#include "common/error.h"\n#include <string.h>\n/* not strcpy(), not "sprintf(" */\n',
    "daemon/store/store.c": '#include "daemon/base/log.h"\n',
    "daemon/store/store_lmdb.c": '#include <lmdb.h>\nint x = MDB_NOTLS;\n',
    "daemon/main.c": '#include "daemon/control/server.h"\n',
    "daemon/renew/issue.c": 'const char *s = "mdb_put(";\nvoid f(struct ops *o)\n{\n\to->system(o);\n}\n',
    "ctl/main.c": f'/*{"x" * 116}*/\n\t/*{"x" * 108}*/\n'
                  '#include "ctl/base/client.h"\n#include "common/error.h"\n',
    "tests/unit/store/test_store_lmdb.c": '#include "daemon/store/store.h"\n#include <lmdb.h>\nint x = MDB_NOTLS;\n',
}

UNLISTED = "common/unlisted.h"

BAD = [
    (UNLISTED, "int x;\n", "no local.mk lists it"),
    ("common/error.c", '#include "error.h"\n', "does not name its layer"),
    ("common/error.c", '\n#include "daemon/base/log.h"\n', "common/error.c:2: common/ is above daemon/base/"),
    ("daemon/store/store.c", '#include "daemon/renew/issue.h"\n', "is above daemon/renew/"),
    ("daemon/store/store.c", '#include "daemon/certd.h"\n', "is above daemon/"),
    ("daemon/store/store.c", '#include "ctl/base/client.h"\n', "may not include"),
    ("ctl/base/ctl.c", '#include "ctl/command/args.h"\n', "is above ctl/command/"),
    ("ctl/main.c", '#include "daemon/base/log.h"\n', "ctl/ includes only common/"),
    ("daemon/store/record.c", "int x = MDB_NOTLS;\n", "LMDB has one door"),
    ("daemon/acme/acme.c", "#include <curl/curl.h>\n", "libcurl has one door"),
    ("daemon/challenge/dns01.c", "ldns_pkt *p;\n", "ldns has one door"),
    ("daemon/control/server.c", "void f(void)\n{\n\tsd_notify(0, 0);\n}\n", ":3: sd_notify: libsystemd has one door"),
    ("tests/unit/renew/test_issue.c", "int x = MDB_NOTLS;\n", "LMDB has one door"),
    ("ctl/main.c", "void f(char *a)\n{\n\tstrcpy(a, a);\n}\n", "strcpy() is banned"),
    ("ctl/main.c", f"\n/*{'x' * 117}*/\n", ":2: the line has more than 120 columns"),
    ("ctl/main.c", f"\t/*{'x' * 109}*/\n", ":1: the line has more than 120 columns"),
    ("daemon/base/hook.c", "void f(void)\n{\n\tfork();\n}\n", "fork() is banned"),
]


def check(tree, files):
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    (tree / "local.mk").write_text(" ".join(path for path in files if path != UNLISTED))
    return subprocess.run([CHECK, tree], capture_output=True, text=True, timeout=patient(20))


def test_a_tree_that_keeps_the_rules_passes(scratch):
    result = check(scratch, GOOD)
    assert (result.returncode, result.stdout) == (0, f"{len(GOOD)} files, 0 offences against the layers\n")


@pytest.mark.parametrize("path, text, message", BAD)
def test_each_offence_is_named(scratch, path, text, message):
    result = check(scratch, {path: text})
    assert result.returncode == 1 and message in result.stdout


def test_headers_that_include_each_other_are_named(scratch):
    result = check(scratch, {"common/a.h": '#include "common/b.h"\n', "common/b.h": '#include "common/c.h"\n',
                             "common/c.h": '#include "common/a.h"\n', "common/d.h": '#include "common/a.h"\n'})
    assert result.returncode == 1 and result.stdout.count("include each other") == 1
    named = result.stdout.splitlines()[0].partition("other: ")[2].split(", ")
    assert len(named) == 4 and named[0] == named[3] and {"common/a.h", "common/b.h", "common/c.h"} == set(named)
