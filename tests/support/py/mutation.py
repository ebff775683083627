"""Small changes of C functions: finds them, and makes a source that contains many, of which one is active at a time.

A change ("mutant") is one of: a condition negated, an operator or a number replaced by its neighbour, a truth value
reversed, success returned as failure, a statement omitted. instrument() writes all chosen ones into the source, each behind MUTANT_IS(number), so
that one build is enough for all. Texts for people are not changed, and neither is code that only releases memory: only
a reader or a leak checker could see the difference. Changes that cannot have an effect are not made, see
is_descriptor() and is_choice().
"""
import hashlib
import re
from dataclasses import dataclass

TOKEN = re.compile(r"""
	(?P<comment> /\*.*?\*/ | //[^\n]*) |
	(?P<directive> (?<![^\n])[ \t]*\#(?:[^\n\\]|\\.|\\\n)*) |
	(?P<text> (?:u8|[uUL])?"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*') |
	(?P<number> \.?\d(?:[eEpP][+-]|[\w.])*) |
	(?P<name> [A-Za-z_]\w*) |
	(?P<space> \s+) |
	(?P<operator> <<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)""", re.X | re.S)

NEIGHBOURS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
              "+": "-", "-": "+", "+=": "-=", "-=": "+=", "++": "--", "--": "++", "true": "false", "false": "true"}
BINARY = {"<", "<=", ">", ">=", "==", "!=", "&&", "||", "+", "-"}

TYPES = re.compile(r"(?:const|static|struct|union|enum|void|bool|char|short|int|long|unsigned|signed|float|double|va_list"
                   r"|_Static_assert|_cleanup\w*|_\w+_|\w+_t|FILE)$")
# Statements that are never changed.
FOR_PEOPLE = re.compile(r"(?:log_\w+|\w*assert\w*|abort|va_(?:start|end|copy)|LOG\w*)$")
# Statements that are not omitted.
RELEASE = re.compile(r"(?:\w*free|\w*_clear|\w*_unref|\w*_object_put|f?close|closedir|munmap|munlock|OPENSSL_cleanse|explicit_bzero"
                     r"|(?:ares|curl|pthread|posix_spawn)\w*_(?:cleanup|destroy)|ERR_clear_error)$")
# Calls whose result is -1.
FAILURE = re.compile(r"error_(?:set|wrap)|ossl_error")
# Names of file descriptors.
DESCRIPTOR = re.compile(r"(?:\w*_)?(?:fd|dirfd|pidfd)$")
# Their arguments are not changed: memory of the wrong size is only detected by chance.
SIZE = re.compile(r"(?:sizeof|offsetof|alignof|ARRAY_SIZE|x?(?:malloc|calloc|realloc|reallocarray))$")

# To be included first.
HEADER = """\
/* Which mutant is active, and with MUTANTS_REACHED, a file of one octet for each, which ones are met. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int mutant_active = -1;
static unsigned char *mutant_reached;
#define MUTANT_IS(n) (mutant_reached ? (void)(mutant_reached[n] = 1) : (void)0, mutant_active == (n))

__attribute__((constructor)) static void
mutant_begin(void)
{
	const char *active = getenv("MUTANT"), *reached = getenv("MUTANTS_REACHED");
	int fd = reached ? open(reached, O_RDWR | O_CLOEXEC) : -1;
	struct stat st;

	if (active)
		mutant_active = (int)strtol(active, NULL, 10);
	if (fd >= 0 && fstat(fd, &st) == 0)
		mutant_reached = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
}
"""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Mutant:
    path: str
    region: tuple  # (kind, start, end) of the expression or statement that is replaced as a whole
    start: int     # of the change itself
    end: int
    new: str
    line: int
    old: str

    def rank(self, seed, source):
        """Its place among all, at random: by what it is, so that changes elsewhere do not move it."""
        _, start, end = self.region
        return hashlib.sha256(f"{seed}\n{self.path}\n{source[start:end]}\n{self.start - start}\n{self.new}".encode()).digest()

    def __str__(self):
        return f"{self.path}:{self.line}: {self.old}  ->  {self.new or '(left out)'}"


def tokenize(source):
    return [Token(match.lastgroup, match.group(), match.start(), match.end())
            for match in TOKEN.finditer(source) if match.lastgroup not in ("comment", "space")]


def _is_operand(token):
    return token.kind in ("name", "number", "text") and token.text not in ("return", "case") or token.text in (")", "]")


class _Scanner:
    """Finds the mutants of one file by walking through the statements of its functions."""

    def __init__(self, path, source):
        self.path, self.source = path, source
        self.tokens = tokenize(source)
        self.mutants = []
        self.descriptors = set(re.findall(r"_cleanup_fd_ int (\w+)", source))
        self.is_bool = False  # the function returns one
        self.may_fail = False  # it returns -1, so callers test for < 0, and `return 1` would be the same as `return 0`

    def text(self, at):
        return self.tokens[at].text if at < len(self.tokens) else ""

    def closing(self, at):
        """The index of the bracket that closes the one at @at."""
        depth = 0
        while True:
            depth += (self.text(at) in ("(", "[", "{")) - (self.text(at) in (")", "]", "}"))
            if depth == 0:
                return at
            at += 1

    def end_of(self, at, stop=";"):
        """The index of the next @stop outside brackets."""
        while at < len(self.tokens) and self.text(at) != stop:
            at = self.closing(at) + 1 if self.text(at) in ("(", "[", "{") else at + 1
        return at

    def add(self, region, first, last, new):
        start, end = self.tokens[first].start, self.tokens[last].end
        old = " ".join(self.source[start:end].split())
        if first == last:  # an operator alone says little
            around = self.source[self.tokens[max(first - 2, 0)].start:self.tokens[min(last + 3, len(self.tokens) - 1)].end]
            old = f"{old}  in  {' '.join(around.split())}"
        self.mutants.append(Mutant(self.path, region, start, end, new, self.source.count("\n", 0, start) + 1, old))

    # --- expressions ---

    def expression(self, kind, first, end):
        """The tokens [first, end) are an expression, replaced as a whole: @kind is "value" or "statement"."""
        tokens = self.tokens[first:end]
        if not tokens or any(token.kind == "directive" or FOR_PEOPLE.match(token.text) for token in tokens):
            return None
        region = (kind, tokens[0].start, tokens[-1].end)
        brackets = []
        for at in range(first, end):
            token = self.tokens[at]
            if token.text in ("(", "[", "{"):
                brackets.append("size" if SIZE.match(self.text(at - 1)) else token.text)
            elif token.text in (")", "]", "}"):
                brackets.pop()
            elif "size" not in brackets:
                self.token(region, at, "[" in brackets)
        return region

    def token(self, region, at, is_index):
        token = self.tokens[at]
        if token.kind == "number":
            if not is_index and re.fullmatch(r"\d+|0x[0-9a-fA-F]+", token.text) and not (
                    self.is_at_once(at) or self.is_descriptor(at) or self.is_limit_of_choice(at)):
                new = {"0": "1", "1": "0"}.get(token.text, f"({token.text} + 1)")
                self.add(region, at, at, "-1" if self.is_success(at) else new)
        elif token.text == "!":
            self.add(region, at, at, "")
        elif token.text in ("<", "<=", ">", ">=") and self.tokens[at + 1].kind == "number":
            pass  # the same as the number's neighbour
        elif token.text in NEIGHBOURS and (token.text not in BINARY or _is_operand(self.tokens[at - 1])):
            if not self.is_choice(at):
                self.add(region, at, at, NEIGHBOURS[token.text])

    def words_before(self, at):
        """Those of the statement that contains the token at @at."""
        begin = at
        while begin and self.text(begin - 1) not in (";", "{", "}"):
            begin -= 1
        return [self.text(i) for i in range(begin, at)]

    def is_success(self, at):
        """Is it the 0 of `return condition ? 0 : error_set(...)`, or of the reverse?"""
        return (self.may_fail and self.text(at) == "0" and self.text(at - 1) in ("?", ":") and self.text(at + 1) in (":", ";")
                and "return" in self.words_before(at))

    def is_at_once(self, at):
        """Is it the 0 of loop_timer_set(timer, 0)? With 1 the timer only expires a millisecond later."""
        return [self.text(i) for i in range(at - 1, at + 3)] == [",", "0", ")", ";"] and "loop_timer_set" in self.words_before(at)

    def is_descriptor(self, at):
        """Is it the 0 of `fd < 0` or `fd >= 0`? Descriptor 0 is open from the first instruction of certd and of each test
        to the last, so no other file ever has it, and < 1 is the same. Not so in certctl, which reads what is piped to it."""
        name = self.text(at - 2)
        return (self.text(at) == "0" and self.text(at - 1) in ("<", ">=") and not self.path.startswith("ctl/")
                and (DESCRIPTOR.match(name) is not None or name in self.descriptors))

    def is_choice(self, at):
        """Is it the comparison of `a < b ? a : b`, or of the reverse? If both are equal, either is the same value."""
        if self.text(at) not in ("<", "<=", ">", ">="):
            return False
        parts, depth = [[]], 0
        for i in range(at + 1, len(self.tokens)):
            text = self.text(i)
            depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
            if depth < 0 or depth == 0 and text in (",", ";"):
                break
            if depth == 0 and text == ("?" if len(parts) == 1 else ":") and len(parts) < 3:
                parts.append([])
            else:
                parts[-1].append(text)
        if len(parts) != 3:
            return False
        right, first, second = parts
        for left, other in ((first, second), (second, first)):
            begin = at - len(left)
            is_call = any(self.tokens[i].kind == "name" and self.text(i + 1) == "(" for i in range(begin, at))
            if (right == other and left == [self.text(i) for i in range(begin, at)] and not is_call
                    and not {"++", "--"} & {*left, *right} and self.text(begin - 1) in ("=", "(", "[", ",", ":", "return")):
                return True
        return False

    def is_limit_of_choice(self, at):
        """Is it the 3 in the comparison of `a < 3 ? a : 3`? With 4, 3 is chosen in the other way. 1 would become 0."""
        return (self.text(at) != "1" and self.text(at - 1) in ("<", ">=") and self.text(at + 1) == "?"
                and self.is_choice(at - 1))

    def negate(self, first, end):
        region = self.expression("value", first, end)
        operators = [self.text(at) for at in range(first, end)]
        is_plain = "&&" not in operators and "||" not in operators
        # Omitting "!", or exchanging "==" and "!=", has the same effect.
        if region and not (is_plain and (operators[0] == "!" or operators.count("==") + operators.count("!=") == 1)):
            self.add(region, first, end - 1, f"!({self.source[region[1]:region[2]]})")

    # --- statements ---

    def is_declaration(self, at):
        if TYPES.match(self.text(at)):
            return True
        if self.tokens[at].kind != "name":
            return False
        after = at + 1
        while self.text(after) == "*":
            after += 1
        return self.tokens[after].kind == "name"

    def declaration(self, at, end):
        """Initial values, except those of arrays, structures and static variables."""
        if self.text(at) in ("static", "_Static_assert"):
            return
        while at < end:
            comma = min(self.end_of(at, ","), end)
            equals = min(self.end_of(at, "="), comma)
            if equals < comma and self.text(equals + 1) != "{" and "[" not in map(self.text, range(at, equals)):
                self.expression("value", equals + 1, comma)
            at = comma + 1

    def simple(self, at):
        """A declaration or an expression, up to its semicolon."""
        end = self.end_of(at)
        if self.is_declaration(at):
            self.declaration(at, end)
        elif [self.text(i) for i in range(at, at + 3)] != ["(", "void", ")"] or end > at + 4:
            region = self.expression("statement", at, end)
            if region and not RELEASE.match(self.text(at)) and not (end == at + 3 and self.text(end - 1) == "NULL"):
                self.add(region, at, end - 1, "")
        return end + 1

    def statement(self, at):
        """Returns the index of what follows the statement at @at."""
        word = self.text(at)
        if word == ";" or self.tokens[at].kind == "directive":
            return at + 1
        if word == "{":
            end = self.closing(at)
            at += 1
            while at < end:
                at = self.statement(at)
            return end + 1
        if word in ("if", "while", "switch"):
            end = self.closing(at + 1)
            if word == "if":
                self.negate(at + 2, end)
            elif word == "while":
                self.expression("value", at + 2, end)
            at = self.statement(end + 1)
            return self.statement(at + 1) if word == "if" and self.text(at) == "else" else at
        if word == "for":
            end, condition = self.closing(at + 1), self.end_of(at + 2) + 1
            self.expression("value", condition, self.end_of(condition))
            return self.statement(end + 1)
        if word == "do":
            at = self.statement(at + 1)
            self.expression("value", at + 2, self.closing(at + 1))
            return self.end_of(at) + 1
        if word in ("case", "default"):
            return self.end_of(at, ":") + 1
        if word in ("break", "continue", "goto"):
            return self.end_of(at) + 1
        if word == "return":
            end = self.end_of(at)
            if self.is_bool and self.text(at + 1) not in ("true", "false"):
                self.negate(at + 1, end)
            elif self.may_fail and end == at + 2 and self.text(at + 1) == "0":
                token = self.tokens[at + 1]
                self.add(("value", token.start, token.end), at + 1, at + 1, "-1")
            else:
                self.expression("value", at + 1, end)
            return end + 1
        if self.text(at + 1) == ":":
            return at + 2
        if self.tokens[at].kind == "name" and self.text(at + 1) == "(":
            end = self.closing(at + 1)
            if self.text(end + 1) == "{" or self.tokens[end + 1].kind == "name":  # a loop by macro
                return self.statement(end + 1)
        return self.simple(at)

    def scan(self):
        at = begin = 0
        while at < len(self.tokens):
            if self.text(at) == "{" and self.text(at - 1) == ")":
                self.is_bool = "bool" in map(self.text, range(begin, self.open_of(begin, at)))
                self.may_fail = self.fails(at)
                at = begin = self.statement(at)
            elif self.text(at) in ("(", "[", "{"):
                at = self.closing(at) + 1
            else:
                at += 1
                if self.text(at - 1) == ";" or self.tokens[at - 1].kind == "directive":
                    begin = at
        return self.mutants

    def fails(self, at):
        """Is -1 or what sets an error one of the values of the function whose body begins at @at?"""
        return any(self.text(i) == "return" and (self.text(i + 1) == "-" and self.text(i + 2) == "1"
                                                 or any(FAILURE.match(self.text(k)) and self.text(k - 1) in ("return", "?", ":")
                                                        for k in range(i + 1, self.end_of(i))))
                   for i in range(at, self.closing(at)))

    def open_of(self, begin, end):
        """The bracket that opens a function's parameters."""
        return next((i for i in range(begin, end) if self.text(i) == "("), end)


def find_mutants(path, source):
    """All mutants of a C file. @path is for reports."""
    return _Scanner(path, source).scan()


def instrument(source, numbered):
    """@source with (number, mutant) pairs in it, each active where MUTANT_IS(number) is true."""
    regions = {}
    for number, mutant in numbered:
        regions.setdefault(mutant.region, []).append((number, mutant))
    for (kind, start, end), inside in sorted(regions.items(), key=lambda item: -item[0][1]):
        original = source[start:end]
        changed = [(number, source[start:mutant.start] + mutant.new + source[mutant.end:end]) for number, mutant in inside]
        if kind == "value":
            text = "".join(f"MUTANT_IS({number}) ? ({new}) : " for number, new in changed) + f"({original})"
            source = f"{source[:start]}({text}){source[end:]}"
        else:
            text = "".join(f"if (MUTANT_IS({number})) {{ {new}; }} else " for number, new in changed)
            source = f"{source[:start]}{{ {text}{{ {original}; }} }}{source[source.index(';', end) + 1:]}"
    return source
