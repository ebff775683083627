/* daemon/rollout/activate.h: notifying a consumer that its files changed, in the way of its kind (consumer_kind.h). */
#ifndef DAEMON_ROLLOUT_ACTIVATE_H
#define DAEMON_ROLLOUT_ACTIVATE_H

#include "daemon/store/object.h"

struct activation;
struct consumer_queue;
struct loop;
struct sdbus;

struct activate_request {
	const struct consumer *consumer; /* all borrowed for the call */
	const char *name;                /* of the auto-certificate, or of the imported certificate */
	const struct certificate *cert;
	const char *directory;
	int64_t generation;
	struct consumer_queue **queues; /* consumer_queue.h; stays valid while anything is activated */
	struct sdbus *bus;              /* sdbus.h; likewise */
};

/*
 * Called once, from the loop, never from inside activate_start(). @is_tested: the consumer has accepted the files in a
 * test, whatever failed afterwards; for kinds with a test (consumer_kind.h).
 */
typedef void
activate_done_fn(const struct error *err, bool is_tested, void *arg);

struct activation *
activate_start(struct loop *loop, const struct activate_request *request, activate_done_fn *done, void *arg);

/* NULL is a no-op. */
void
activate_cancel(struct activation *activation);

#endif
