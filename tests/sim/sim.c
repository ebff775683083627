/* The common part of simulations. Random numbers are splitmix64: one state, no bad seeds. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/sim/sim.h"

#include "common/random.h"

#include <err.h>
#include <ftw.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { LINE_MAX_OCTETS = 2048, ID_OCTETS = 16 };

static uint64_t
splitmix(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
sim_init(struct sim *sim, uint64_t seed)
{
	const char *given = getenv("SIM_SEED");
	const char *loud = getenv("SIM_LOG");

	*sim = (struct sim){ .seed = given ? strtoull(given, NULL, 0) : seed };
	sim->random = sim->seed;
	sim->hash = UINT64_C(0xcbf29ce484222325);
	setvbuf(stdout, NULL, _IOLBF, 0);
	sim->is_loud = loud && *loud;
}

bool
sim_is_long(void)
{
	const char *text = getenv("SIM_LONG");

	return text && *text;
}

uint64_t
sim_random(struct sim *sim)
{
	return splitmix(&sim->random);
}

int64_t
sim_below(struct sim *sim, int64_t n)
{
	return n > 0 ? (int64_t)(sim_random(sim) % (uint64_t)n) : 0;
}

bool
sim_chance(struct sim *sim, unsigned per_mille)
{
	return sim_below(sim, 1000) < per_mille;
}

void
sim_log(struct sim *sim, const char *fmt, ...)
{
	char line[LINE_MAX_OCTETS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (const char *p = line; *p; p++)
		sim->hash = (sim->hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3); /* FNV-1a */
	sim->lines++;
	if (sim->is_loud)
		puts(line);
}

void
sim_fail(const struct sim *sim, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("FAILED: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nline %" PRIu64 " of the log; again: SIM_SEED=%" PRIu64 "%s; SIM_LOG=1 shows the log\n",
		sim->lines, sim->seed, sim_is_long() ? " SIM_LONG=1" : "");
	sim_leave_directory();
	exit(1);
}

/* --- random numbers --- */

/* A RAND_METHOD has no argument. */
static bool is_seeded;
static uint64_t random_state;
static uint32_t next_id; /* 0: ids are random */

static int
random_bytes(unsigned char *ret, int len)
{
	for (int i = 0; i < len; i++)
		ret[i] = (unsigned char)(splitmix(&random_state) >> 24);
	return 1;
}

static int
random_status(void)
{
	return 1;
}

/* Linked in the place of common/random.c. */
void
random_octets(void *ret, size_t len)
{
	unsigned char *octets = ret;

	if (!is_seeded) {
		if (getrandom(ret, len, 0) != (ssize_t)len)
			abort();
		return;
	}
	random_bytes(octets, (int)len);
	if (next_id && len == ID_OCTETS) {
		for (int i = 0; i < 4; i++)
			octets[i] = (unsigned char)(next_id >> (24 - 8 * i));
		next_id++;
	}
}

void
sim_seed_random(uint64_t seed)
{
	static const RAND_METHOD method = {
		.bytes = random_bytes,
		.pseudorand = random_bytes,
		.status = random_status,
	};

	is_seeded = true;
	random_state = seed;
	next_id = 0;
	RAND_set_rand_method(&method);
}

void
sim_count_ids(void)
{
	next_id = 1;
}

/* --- the directory --- */

static char directory[256]; /* for sim_fail(), which has to clean up wherever it is called */

void
sim_enter_directory(void)
{
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/certd-sim-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(directory) || chdir(directory) < 0)
		err(1, "%s", directory);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
sim_leave_directory(void)
{
	if (!directory[0])
		return;
	if (chdir("/") < 0 || nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
		warn("%s", directory);
	directory[0] = '\0';
}
