/*
 * Kind exec: the consumer's program, without a shell. For hooks that were written for certbot the environment also has
 * RENEWED_LINEAGE (the directory) and RENEWED_DOMAINS.
 *
 * Each consumer has a queue, so its program never runs twice at the same time: one that reloads a server need not guard
 * against itself. It runs once for each certificate or, for a consumer with the setting batch, once for all that wait.
 * Such a run starts when nothing has joined for a moment. What waits is still due in the schedule, so a run that is
 * interrupted is repeated with all its certificates.
 */
#include "daemon/rollout/consumer_kind.h"

#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/hook.h"
#include "daemon/base/loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

enum {
	QUIET_MS = 2000,        /* a batch starts when nothing has joined for that long */
	GATHER_MS = 10 * 1000,  /* or this long after its first certificate */
	VALUES_MAX = 96 * 1024, /* of a batch's variables: the system takes at most 128 KiB for one */
};

/* A certificate that waits for a run of the program, or is in it. */
struct exec_member {
	struct activation *activation;
	struct exec_queue *queue;
	bool is_batch;
	bool is_running;
	int64_t joined_ms; /* boot clock */
	struct strlist command;
	struct strlist env; /* for a run of its own */
	char *name;
	char *certificate;
	char *directory;
	struct exec_member *prev, *next;
};

/* The queue of one consumer, in the list of all; exists while it has members. */
struct exec_queue {
	struct exec_queue **list;
	struct loop *loop;
	char consumer[STORE_ID_SIZE];
	struct exec_member *members; /* in the order in which they joined */
	struct hook *hook;           /* NULL: none is running */
	struct loop_timer timer;     /* starts the next run */
	bool is_ending;              /* inside queue_done() */
	struct exec_queue *prev, *next;
};

static int
consumer_exec_check(const struct consumer *c, struct error *err)
{
	if (c->command.count == 0)
		return error_set_field(err, "properties.command", "activate exec requires the program to run");
	if (hook_check(c->command.items[0], err) < 0) {
		if (err)
			str_replace(&err->field, "properties.command");
		return -1;
	}
	return 0;
}

static void
member_free(struct exec_member *m)
{
	DL_DELETE(m->queue->members, m);
	strlist_clear(&m->command);
	strlist_clear(&m->env);
	free(m->name);
	free(m->certificate);
	free(m->directory);
	free(m);
}

static struct exec_member *
running_member(const struct exec_queue *queue)
{
	struct exec_member *m;

	DL_FOREACH(queue->members, m) {
		if (m->is_running)
			return m;
	}
	return NULL;
}

/* Plans the next run; without members the queue ends. */
static void
queue_continue(struct exec_queue *queue)
{
	const struct exec_member *first = queue->members;
	int64_t now_ms = clock_boot_ms(loop_clock(queue->loop));
	int64_t start_ms;

	if (queue->hook || queue->is_ending)
		return;
	if (!first) {
		loop_timer_cancel(&queue->timer);
		DL_DELETE(*queue->list, queue);
		free(queue);
		return;
	}
	start_ms = first->prev->joined_ms + QUIET_MS; /* of the newest */
	if (start_ms > first->joined_ms + GATHER_MS)
		start_ms = first->joined_ms + GATHER_MS;
	loop_timer_set(&queue->timer, first->is_batch && start_ms > now_ms ? start_ms - now_ms : 0);
}

/*
 * Whether the program ended because only root may do what it tried: its last line says so, in the words of systemctl,
 * sudo, Postfix and others.
 */
static bool
consumer_exec_needed_root(const struct error *err)
{
	static const char *const words[] = { "systemctl", "authentication required", "no new privileges", "superuser",
		"must be root" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): an error has a message */
		if (strstr(err->message, words[i]))
			return true;
	return false;
}

/* Adds what to do instead. */
static void
consumer_exec_advise(struct error *err)
{
	_cleanup_free_ char *message = NULL;

	if (!error_is_set(err) || geteuid() == 0 || !consumer_exec_needed_root(err))
		return;
	message = xasprintf(
		"%s; certd runs it as its own user in its sandbox: to reload a service of the system, enable "
		"certd-reload@SERVICE.path instead (see UNITS in certd(8))",
		err->message);
	str_replace(&err->message, message);
}

static void
queue_done(const struct hook_result *result _unused_, const struct error *err, void *arg)
{
	struct exec_queue *queue = arg;
	struct exec_member *m;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err)
		error_copy(&why, err);
	consumer_exec_advise(&why);
	queue->hook = NULL;
	queue->is_ending = true;
	while ((m = running_member(queue)) != NULL) {
		struct activation *activation = m->activation;

		member_free(m);
		activation_end(activation, err ? &why : NULL);
	}
	queue->is_ending = false;
	queue_continue(queue);
}

/* One line for each certificate of the run, in the same order in each variable. */
static void
queue_take_batch(struct exec_queue *queue, struct strlist *env)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	_cleanup_buf_ struct buf certificates = BUF_INIT;
	_cleanup_buf_ struct buf directories = BUF_INIT;
	const char *sep = "";
	struct exec_member *m;

	DL_FOREACH(queue->members, m) {
		if (!m->is_batch || names.len + strlen(m->name) > VALUES_MAX ||
			directories.len + strlen(m->directory) > VALUES_MAX)
			break;
		m->is_running = true;
		buf_printf(&names, "%s%s", sep, m->name);
		buf_printf(&certificates, "%s%s", sep, m->certificate);
		buf_printf(&directories, "%s%s", sep, m->directory);
		sep = "\n";
	}
	strlist_take(env, xasprintf("CERTD_NAMES=%s", buf_str(&names)));
	strlist_take(env, xasprintf("CERTD_CERTIFICATES=%s", buf_str(&certificates)));
	strlist_take(env, xasprintf("CERTD_DIRECTORIES=%s", buf_str(&directories)));
}

static void
queue_run(void *arg)
{
	struct exec_queue *queue = arg;
	struct exec_member *first = queue->members;
	_cleanup_strlist_ struct strlist env = STRLIST_INIT;

	first->is_running = true;
	if (first->is_batch)
		queue_take_batch(queue, &env);
	else
		strlist_copy(&env, &first->env);
	queue->hook = hook_start(queue->loop, &first->command, &env, 0, queue_done, queue);
}

static struct exec_queue *
queue_of(struct exec_queue **list, struct loop *loop, const char *consumer_id)
{
	struct exec_queue *queue;

	DL_FOREACH(*list, queue) {
		if (strcmp(queue->consumer, consumer_id) == 0)
			return queue;
	}
	queue = xcalloc(1, sizeof(*queue));
	queue->list = list;
	queue->loop = loop;
	memcpy(queue->consumer, consumer_id, sizeof(queue->consumer));
	loop_timer_init(&queue->timer, loop, queue_run, queue);
	DL_APPEND(*list, queue);
	return queue;
}

static int
consumer_exec_start(struct activation *a, struct loop *loop, const struct activate_request *r, void **ret_work,
	struct error *err _unused_)
{
	struct exec_member *m = xcalloc(1, sizeof(*m));
	_cleanup_free_ char *domains = strlist_join(&r->cert->names, " ");

	m->activation = a;
	m->queue = queue_of(r->exec_queues, loop, r->consumer->o.id);
	m->is_batch = r->consumer->is_batch;
	m->joined_ms = clock_boot_ms(loop_clock(loop));
	strlist_copy(&m->command, &r->consumer->command);
	consumer_kind_describe(r, "CERTD_", &m->env);
	strlist_take(&m->env, xasprintf("RENEWED_LINEAGE=%s", r->directory));
	strlist_take(&m->env, xasprintf("RENEWED_DOMAINS=%s", domains));
	m->name = xstrdup(r->name);
	m->certificate = xstrdup(r->cert->o.id);
	m->directory = xstrdup(r->directory);
	DL_APPEND(m->queue->members, m);
	queue_continue(m->queue);
	*ret_work = m;
	return 1;
}

/* Others may be in the same run, which then goes on. */
static void
consumer_exec_cancel(void *work)
{
	struct exec_member *m = work;
	struct exec_queue *queue = m->queue;

	member_free(m);
	if (queue->hook && !running_member(queue)) {
		hook_cancel(queue->hook);
		queue->hook = NULL;
	}
	queue_continue(queue);
}

const struct consumer_kind consumer_kind_exec = {
	.name = "exec",
	.is_serial = true,
	.may_batch = true,
	.check = consumer_exec_check,
	.start = consumer_exec_start,
	.cancel = consumer_exec_cancel,
};
