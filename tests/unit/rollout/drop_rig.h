/* tests/unit/rollout/drop_rig.h: drops in a directory of the test's own. */
#ifndef TESTS_UNIT_ROLLOUT_DROP_RIG_H
#define TESTS_UNIT_ROLLOUT_DROP_RIG_H

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/rollout/drop.h"

enum { NOW = 1700000000, DAY = 86400 };

#define SLUG "www.example.com"
#define AUTO_A "aaaaaaaa-0000-4000-8000-000000000001"
#define AUTO_B "bbbbbbbb-0000-4000-8000-000000000002"

struct rig {
	char *root;
	struct clock *clock;
	struct loop *loop;
	struct workers *workers;
	struct drops *drops;
	struct certificate cert; /* of AUTO_A, for 90 days */
	unsigned ended;
	struct error err; /* of the last job */
	int64_t generation;
};

/* @clock: taken; with a virtual one jobs run on the loop, one after the other. The umask becomes 0077. */
void
rig_init(struct rig *r, struct clock *clock);

/* Opens r->drops again, after drops_close(). */
void
rig_open(struct rig *r);

void
rig_clear(struct rig *r);

/* Counts, and keeps the error. @arg: the rig. */
void
rig_ended(const struct error *err, const char *where, void *arg);

/* Until what was asked for has ended: 3 seconds. */
void
rig_run(struct rig *r);

/* The path of @name below the root; owned by the caller. */
char *
rig_path(const struct rig *r, const char *name);

/*
 * Replaces @c by a pair of SLUG with a new key. Any text will do for a leaf: drops compare it with what was verified
 * and look no further.
 */
void
rig_certificate(struct certificate *c, const char *autocert, int64_t not_after_at);

/* Makes the pair that of another leaf. */
void
rig_set_leaf(struct certificate *c, const char *leaf);

#endif
