"""The changes made by `make check-mutants`: each is valid C, and makes a difference only when it is active."""
import subprocess

from mutation import HEADER, find_mutants, instrument
from procs import run

SOURCE = r"""
#include <stdbool.h>
#include <stdio.h>
#define LOOP(i, n) for (int i = 0; i < (n); i++)

enum { LIMIT = 3 };
static const int numbers[] = { 1, 2 };

static bool
is_small(int n, bool is_known)
{
	return n <= LIMIT && is_known; /* not || */
}

static void
log_number(int n)
{
	(void)n;
}

int
main(int argc, char **argv)
{
	int i = 0, sum = argc + 5, list[3] = { 7, 8, 9 };

	log_number(argc > 3 ? 1 : 2);
	if (is_small(argc, true) && !is_small(argc, false))
		printf("small %s\n", argv[1]);
	else
		printf("large\n");
	while (i < 2)
		sum += list[i++];
	LOOP(k, 2)
		sum -= numbers[k];
	printf("%d\n", sum);
	switch (sum) {
	case 99:
		return 0;
	default:
		return !argc;
	}
}
"""

CONDITION = "if (is_small(argc, true) && !is_small(argc, false))"


def changes(mutants):
    return {(SOURCE.splitlines()[mutant.line - 1].strip(), SOURCE[mutant.start:mutant.end], mutant.new) for mutant in mutants}


def test_conditions_operators_numbers_and_statements_are_changed_and_nothing_else():
    found = changes(find_mutants("sample.c", SOURCE))
    expected = {
        ("return n <= LIMIT && is_known; /* not || */", "<=", "<"),
        ("return n <= LIMIT && is_known; /* not || */", "&&", "||"),
        ("return n <= LIMIT && is_known; /* not || */", "n <= LIMIT && is_known", "!(n <= LIMIT && is_known)"),
        ("int i = 0, sum = argc + 5, list[3] = { 7, 8, 9 };", "0", "1"),
        ("int i = 0, sum = argc + 5, list[3] = { 7, 8, 9 };", "+", "-"),
        ("int i = 0, sum = argc + 5, list[3] = { 7, 8, 9 };", "5", "(5 + 1)"),
        (CONDITION, "true", "false"),
        (CONDITION, "&&", "||"),
        (CONDITION, "!", ""),
        (CONDITION, "false", "true"),
        (CONDITION, "is_small(argc, true) && !is_small(argc, false)", "!(is_small(argc, true) && !is_small(argc, false))"),
        (r'printf("small %s\n", argv[1]);', r'printf("small %s\n", argv[1])', ""),
        (r'printf("large\n");', r'printf("large\n")', ""),
        ("while (i < 2)", "2", "(2 + 1)"),
        ("sum += list[i++];", "+=", "-="),
        ("sum += list[i++];", "++", "--"),
        ("sum += list[i++];", "sum += list[i++]", ""),
        ("sum -= numbers[k];", "-=", "+="),
        ("sum -= numbers[k];", "sum -= numbers[k]", ""),
        ("return 0;", "0", "1"),
        (r'printf("%d\n", sum);', r'printf("%d\n", sum)', ""),
        ("return !argc;", "!", ""),
    }
    assert found == expected, found ^ expected


def test_one_is_active_at_a_time(scratch):
    mutants = [mutant for mutant in find_mutants("sample.c", SOURCE) if "large" not in mutant.old]
    (scratch / "sample.c").write_text(HEADER + instrument(SOURCE, enumerate(mutants)))
    run(["gcc", "-w", "-o", scratch / "sample", scratch / "sample.c"])

    def outcome(number):
        """Likewise with an endless loop or a crash."""
        result = subprocess.run(["prlimit", "--cpu=1", scratch / "sample", "x", "y"], capture_output=True, text=True,
                                env={"MUTANT": str(number), "MUTANTS_REACHED": str(scratch / "reached")})
        return result.returncode, result.stdout

    (scratch / "reached").write_bytes(bytes(len(mutants)))
    assert outcome(-1) == (0, "small x\n20\n")
    assert sum((scratch / "reached").read_bytes()) == len(mutants) - 1, "the one of `return 0` is not met"
    noticed = {number for number in range(len(mutants)) if outcome(number) != outcome(-1)}
    unnoticed = changes(mutant for number, mutant in enumerate(mutants) if number not in noticed)
    assert unnoticed == {("return 0;", "0", "1"), (CONDITION, "&&", "||")}, unnoticed  # never reached


def test_success_is_returned_as_failure_where_callers_distinguish_them():
    source = "static int\nmay_fail(int n)\n{\n\tif (n)\n\t\treturn -1;\n\treturn 0;\n}\n" \
             "static int\nrefuses(int n)\n{\n\tif (n)\n\t\treturn error_set(err, 1);\n\treturn 0;\n}\n" \
             "static int\ncounts(int n)\n{\n\tif (n)\n\t\treturn 2;\n\treturn 0;\n}\n" \
             "static int\nchecks(int n)\n{\n\tif (n)\n\t\treturn n ? error_set(err, n) : 0;\n\treturn n ? 0 : error_set(err);\n}\n" \
             "static int\nmaps(int n)\n{\n\treturn n ? 0 : 7;\n}\n"
    found = {(mutant.line, mutant.new) for mutant in find_mutants("sample.c", source) if source[mutant.start:mutant.end] == "0"}
    assert found == {(6, "-1"), (13, "-1"), (20, "1"), (26, "-1"), (27, "-1"), (32, "1")}, found


def test_a_timer_that_expires_at_once_is_not_put_off_by_a_millisecond():
    source = "static void\nwake(struct job *job)\n{\n\tloop_timer_set(&job->timer, 0);\n\tloop_timer_set(&job->timer, 5);\n" \
             "\tset_limit(job, 0);\n}\n"
    found = {(mutant.line, mutant.new) for mutant in find_mutants("sample.c", source)}
    assert found == {(4, ""), (5, ""), (5, "(5 + 1)"), (6, ""), (6, "1")}, found


def test_what_cannot_have_an_effect_is_not_changed():
    source = "static int\nchoose(int a, int b)\n{\n\tint fd = open(a), n = count(b);\n\n\tif (fd < 0 || n < 0)\n\t\treturn 2;\n" \
             "\tn = a < b ? a : b;\n\tn = f(a >= b ? b : a);\n\tn = a < b ? a : n;\n\tn = n + a < b ? a : b;\n" \
             "\tn = f(a) > b ? f(a) : b;\n\tn = a < 3 ? a : 3;\n\tn = a > 3 ? a : 3;\n\treturn n;\n}\n"

    def found(path):
        return {(mutant.line, source[mutant.start:mutant.end], mutant.new) for mutant in find_mutants(path, source)
                if mutant.start != mutant.region[1] or mutant.end != mutant.region[2]}

    expected = {(6, "||", "&&"), (6, "0", "1"), (10, "<", "<="), (11, "+", "-"), (11, "<", "<="), (12, ">", ">="),
                (13, "3", "(3 + 1)"), (14, "3", "(3 + 1)")}
    assert found("daemon/sample.c") == expected, found("daemon/sample.c") ^ expected
    zeros = [mutant for mutant in find_mutants("ctl/sample.c", source) if source[mutant.start:mutant.end] == "0"]
    assert len(zeros) == 2, "descriptor 0 is the standard input"
