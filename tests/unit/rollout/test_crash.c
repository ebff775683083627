/*
 * A rollout and a rollback, ended by kill -9 or a power cut before each of their writes: of the store, of files, of
 * names, and of syncs. A server that starts then finds files that are old or new, and certd finishes what was asked.
 */
#include "daemon/rollout/drop_file.h"
#include "daemon/rollout/rollout_back.h"
#include "daemon/rollout/rollout_check.h"
#include "tests/sim/checks.h"
#include "tests/support/disk_points.h"
#include "tests/unit/renew/run.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CERTIFICATES = 2, POINTS_MIN = 30, FILE_MAX = 64 * 1024 };

static const char *const directories[] = { "store", "drops", "own" };
static const char *const files[] = { "drops/pem/a-90d.pem", "drops/live/a-90d/privkey.pem", "drops/live/a-90d/cert.pem",
	"drops/live/a-90d/chain.pem", "drops/live/a-90d/fullchain.pem", "drops/live/a-90d/bundle.pem",
	"own/privkey.pem", "own/cert.pem", "own/chain.pem", "own/fullchain.pem", "own/bundle.pem" };

/* --- a server that presents what is in live/a-90d, on the loop of the world --- */

struct server {
	struct loop *loop;
	int fd, port;
	struct loop_fd *watch;
};

struct server_conn {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	struct loop_fd *watch;
};

static void
server_conn_end(struct server_conn *c)
{
	loop_fd_free(c->watch);
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
	free(c);
}

static void
server_talk(int fd _unused_, short what _unused_, void *arg)
{
	struct server_conn *c = arg;
	char octet;
	int rc = SSL_is_init_finished(c->ssl) ? SSL_read(c->ssl, &octet, 1) : SSL_accept(c->ssl);
	int why = SSL_get_error(c->ssl, rc);

	if (rc <= 0 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		server_conn_end(c);
}

static void
server_accept(int fd, short what _unused_, void *arg)
{
	static const char file[] = "drops/live/a-90d/bundle.pem";
	struct server *s = arg;
	struct server_conn *c = xcalloc(1, sizeof(*c));

	c->fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	c->ctx = SSL_CTX_new(TLS_server_method());
	cr_assert_eq(SSL_CTX_use_certificate_chain_file(c->ctx, file), 1);
	cr_assert_eq(SSL_CTX_use_PrivateKey_file(c->ctx, file, SSL_FILETYPE_PEM), 1);
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
	c->watch = loop_fd_new(s->loop, c->fd, LOOP_READ, server_talk, c);
}

static void
server_begin(struct server *s, struct loop *loop)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	signal(SIGPIPE, SIG_IGN); /* a probe has seen enough */
	s->loop = loop;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(s->fd, (struct sockaddr *)&sin, len), 0);
	cr_assert_eq(listen(s->fd, 64), 0);
	cr_assert_eq(getsockname(s->fd, (struct sockaddr *)&sin, &len), 0);
	s->port = ntohs(sin.sin_port);
	s->watch = loop_fd_new(loop, s->fd, LOOP_READ, server_accept, s);
}

/* --- the scenario --- */

struct crash {
	struct run run;
	struct world *w;
	struct server server;
	char ids[CERTIFICATES][STORE_ID_SIZE]; /* in order of issue */
	char subject[STORE_ID_SIZE];
	char *texts[CERTIFICATES][ARRAY_SIZE(files)];      /* of their files */
	size_t acked;                                      /* the point at which the request was answered */
	bool is_by_policy;                                 /* either may be the end */
	unsigned ends[CERTIFICATES], old_files, new_files; /* what was found at the points */
};

static void
note_certificate(struct crash *c, size_t i)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(&c->run, "a-90d", &a);
	memccpy(c->subject, a.o.id, '\0', STORE_ID_SIZE);
	memccpy(c->ids[i], a.last_certificate, '\0', STORE_ID_SIZE);
	for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		cr_assert_eq(buf_read_file(&text, AT_FDCWD, files[k], FILE_MAX, NULL), 0, "%s", files[k]);
		c->texts[i][k] = buf_steal(&text);
	}
}

/* Two certificates, both deployed to a server that is probed, to one that is notified, and to a directory. */
static void
crash_begin(struct crash *c, const char *policy)
{
	_cleanup_free_ char *here = NULL;

	*c = (struct crash){ .w = &c->run.world };
	run_begin(&c->run, 0);
	server_begin(&c->server, c->w->loop);
	here = getcwd(NULL, 0);
	cr_assert_eq(mkdir("own", 0750), 0);
	cr_assert(world_call(c->w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'server','probes':[{'host':'127.0.0.1','port':%d}]}}", c->server.port));
	cr_assert(world_call(c->w, RPC_CONSUMER_CREATE, "{'properties':{'name':'own','directory':'%s/own'}}", here));
	cr_assert(world_call(c->w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'notified','activate':'notify','socket':'%s','rollback':'%s'}}",
		c->w->notify_path, policy));
	cr_assert(world_call(c->w, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'consumers':['server','own','notified']}}"));
	world_run_until(c->w, world_now(c->w) + HOUR);
	note_certificate(c, 0);
	cr_assert(world_call(c->w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(c->w, world_now(c->w) + 10 * MINUTE);
	note_certificate(c, 1);
	cr_assert_eq(c->w->issued, 2);
}

static void
crash_end(struct crash *c)
{
	disk_points_clear();
	for (size_t i = 0; i < CERTIFICATES; i++)
		for (size_t k = 0; k < ARRAY_SIZE(files); k++)
			free(c->texts[i][k]);
	world_stop(c->w);
	loop_fd_free(c->server.watch);
	close(c->server.fd);
	run_end(&c->run);
}

/* As a server finds them that starts before certd. */
static void
expect_old_or_new(struct crash *c, const char *where)
{
	for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		bool is_old, is_new;

		cr_assert_eq(buf_read_file(&text, AT_FDCWD, files[k], FILE_MAX, NULL), 0, "%s: %s", where, files[k]);
		is_old = strcmp(buf_str(&text), c->texts[0][k]) == 0;
		is_new = strcmp(buf_str(&text), c->texts[1][k]) == 0;
		cr_expect(is_old || is_new, "%s: %s is neither old nor new", where, files[k]);
		c->old_files += is_old;
		c->new_files += is_new && !is_old;
	}
}

static void
expect_no_rest(const char *path, const char *where)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	cr_assert_not_null(dir, "%s: %s", where, path);
	while ((entry = readdir(dir)) != NULL)
		cr_expect_neq(strncmp(entry->d_name, DROP_TEMP_PREFIX, strlen(DROP_TEMP_PREFIX)), 0, "%s: %s/%s", where,
			path, entry->d_name);
	closedir(dir);
}

/* One that has the earlier certificate says so; the others serve the newest, or were notified of it. */
static void
expect_target_ended(const struct rollout_target *t, bool is_probed, const char *where)
{
	int64_t step = t->earlier ? ROLLOUT_ROLLED_BACK : is_probed ? ROLLOUT_SERVED : ROLLOUT_ACTIVATED;

	cr_expect_eq(t->step, step, "%s: %s: %s", where, rollout_step_name(t->step), t->failure.message);
}

/* Return: the certificate of live/a-90d. */
static size_t
expect_ended(struct crash *c, const char *where)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct rollout_state s = { 0 };
	const struct rollout_target *targets;
	size_t live, own;

	run_load(&c->run, "a-90d", &a);
	cr_assert_eq(rollout_load(c->w->rollout, a.o.id, &s, NULL), 1);
	targets = s.targets.items;
	live = !s.earlier;
	own = !targets[1].earlier;
	cr_expect_str_eq(s.certificate, c->ids[1], "%s", where);
	cr_expect(s.is_written && s.done_at, "%s: it has not ended", where);
	cr_expect_eq(run_due(&c->run, SCHEDULE_DEPLOY, a.o.id), 0, "%s: it is to go on", where);
	cr_expect_eq(s.rolled_back_at != 0, live == 0, "%s: shown as rolled back", where);
	cr_expect(own == live || c->is_by_policy, "%s: only a part was rolled back", where);
	for (size_t k = 0; k < s.targets.count; k++) {
		cr_expect_eq(targets[k].earlier == NULL, k == 1 ? own : live, "%s: consumer %zu", where, k);
		expect_target_ended(&targets[k], k == 0, where);
	}
	record_clear(&rollout_class, &s);
	for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		cr_assert_eq(buf_read_file(&text, AT_FDCWD, files[k], FILE_MAX, NULL), 0);
		cr_expect_str_eq(buf_str(&text), c->texts[strncmp(files[k], "own", 3) == 0 ? own : live][k],
			"%s: %s is not the certificate of the record", where, files[k]);
	}
	expect_no_rest("drops/live/a-90d", where);
	expect_no_rest("drops/pem", where);
	expect_no_rest("own", where);
	return live;
}

/* At each point and end: what is there, and what becomes of it. @wanted: the certificate that was asked for. */
static void
crash_everywhere(struct crash *c, size_t wanted)
{
	size_t points = disk_points_end();

	world_stop(c->w);
	cr_expect_geq(points, POINTS_MIN);
	for (size_t point = 0; point < points; point++)
		for (unsigned end = 0; end < DISK_END_COUNT; end++) {
			_cleanup_free_ char *where = xasprintf(
				"%s at point %zu of %zu", disk_end_name(end), point, points);
			size_t i;

			disk_points_restore(point, end);
			expect_old_or_new(c, where);
			world_start(c->w);
			world_run_until(c->w, world_now(c->w) + 10 * MINUTE);
			i = expect_ended(c, where);
			cr_expect_null(rollout_changed_text(c->w->store, c->subject, NULL, NULL),
				"%s: its own work is no change by others", where);
			cr_expect(i == wanted || point < c->acked || c->is_by_policy, "%s: what was promised is lost",
				where);
			c->ends[i]++;
			world_stop(c->w);
		}
	cr_expect(c->old_files && c->new_files, "both are there at some point");
	cr_expect_gt(c->ends[wanted], 0);
	cr_expect_gt(c->ends[!wanted], 0, "the request was not durable, or was taken back later");
}

static void
record(struct crash *c, enum api_method_id method, const char *params)
{
	disk_points_begin(directories, ARRAY_SIZE(directories));
	cr_assert(world_call(c->w, method, "%s", params));
	c->acked = disk_points_count();
}

Test(crash, a_rollback_by_hand_ends_wherever_it_was_stopped)
{
	struct crash c;

	crash_begin(&c, "never");
	record(&c, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d'}");
	world_run_until(c.w, world_now(c.w) + 10 * MINUTE);
	crash_everywhere(&c, 0);
	crash_end(&c);
}

Test(crash, a_rollout_ends_wherever_it_was_stopped)
{
	struct crash c;

	crash_begin(&c, "never");
	cr_assert(world_call(c.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d'}"));
	world_run_until(c.w, world_now(c.w) + 10 * MINUTE);
	record(&c, RPC_CONSUMER_DEPLOY, "{'ref':'server'}");
	world_run_until(c.w, world_now(c.w) + 10 * MINUTE);
	crash_everywhere(&c, 1);
	crash_end(&c);
}

/* Its consumer cannot be notified, until certd is started again. */
Test(crash, a_rollback_by_policy_ends_wherever_it_was_stopped)
{
	struct crash c;

	crash_begin(&c, "onFailure");
	cr_assert(world_call(c.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d'}"));
	world_run_until(c.w, world_now(c.w) + 10 * MINUTE);
	cr_assert_eq(rename(c.w->notify_path, "elsewhere"), 0);
	record(&c, RPC_CONSUMER_DEPLOY, "{'ref':'server'}");
	world_run_until(c.w, world_now(c.w) + 10 * MINUTE);
	cr_assert_eq(rename("elsewhere", c.w->notify_path), 0);
	world_run_until(c.w, world_now(c.w) + HOUR);
	c.is_by_policy = true;
	crash_everywhere(&c, 0);
	crash_end(&c);
}
