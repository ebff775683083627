/*
 * kill -9 at random moments of a process that commits numbered turns. What must hold afterwards: every turn that was
 * acknowledged is there, at most one more, each of them whole, and nothing of later ones. The acknowledgements go
 * through a pipe, so they are not in the store's hands. The seed is fixed; the moments vary all the same.
 */
#include "common/alloc.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/store/store.h"

#include <err.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 40, MAX_ROUNDS = 200, KEYS_PER_TURN = 20, LONGEST_US = 60000, SLOWEST_US = 4000000 };

static struct store *
open_store(const char *path)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_secret_ struct secret key = SECRET_INIT;
	static const unsigned char octets[32] = "a master key for tests of 32 oct";
	struct store *store;

	secret_set(&key, octets, sizeof(octets));
	store = store_open_sized(path, &key, 64 << 20, &error);
	if (!store)
		errx(1, "%s", error.message);
	return store;
}

/* The number of the last turn, 0: none. */
static uint32_t
last_turn(struct store *store)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	if (store_get(store, STORE_META, "turn", 4, &value, NULL) != 1)
		return 0;
	return (uint32_t)strtoul(buf_str(&value), NULL, 10);
}

/* Turn @n: the number, and KEYS_PER_TURN rows (a ring, so that pages are freed and used again) that carry it. */
static void
put_turn(struct store *store, uint32_t n)
{
	struct store_txn *txn = store_begin(store);
	char value[600];
	int len = snprintf(value, sizeof(value), "%u", n);

	store_put(txn, STORE_META, "turn", 4, value, (size_t)len);
	memset(value + len + 1, 'x', sizeof(value) - (size_t)len - 1);
	for (unsigned i = 0; i < KEYS_PER_TURN; i++) {
		char key[16];
		int key_len = snprintf(key, sizeof(key), "%u-%u", n % 50, i);

		store_put(txn, STORE_TOKEN, key, (size_t)key_len, value, sizeof(value));
	}
}

struct writer {
	int pipe_fd;
	uint32_t turn;
};

static void
acknowledge(const struct error *error, void *arg)
{
	struct writer *w = arg;

	if (error)
		errx(1, "%s", error->message);
	if (write(w->pipe_fd, &w->turn, sizeof(w->turn)) != sizeof(w->turn))
		_exit(1);
}

static _Noreturn void
write_turns(const char *path, int pipe_fd)
{
	struct store *store = open_store(path);
	struct writer w = { .pipe_fd = pipe_fd, .turn = last_turn(store) };

	for (;;) {
		w.turn++;
		put_turn(store, w.turn);
		store_then(store_begin(store), acknowledge, &w);
		store_commit(store);
	}
}

/* Runs a writer for at most @longest_us and kills it. Return: the last turn acknowledged, or @acked. */
static uint32_t
kill_a_writer(const char *path, uint32_t acked, useconds_t longest_us)
{
	int fds[2];
	uint32_t turn;
	pid_t pid;

	if (pipe(fds) < 0)
		err(1, "pipe");
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		write_turns(path, fds[1]);
	}
	close(fds[1]);
	usleep((useconds_t)random() % longest_us);
	kill(pid, SIGKILL);
	while (read(fds[0], &turn, sizeof(turn)) == sizeof(turn))
		acked = turn;
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return acked;
}

/* Every row of the ring carries the last turn that wrote its place. */
static void
check_rows(struct store *store, uint32_t last)
{
	for (uint32_t n = last > 50 ? last - 49 : 1; n <= last; n++) {
		for (unsigned i = 0; i < KEYS_PER_TURN; i++) {
			_cleanup_buf_ struct buf value = BUF_INIT;
			char key[16];
			int len = snprintf(key, sizeof(key), "%u-%u", n % 50, i);

			if (store_get(store, STORE_TOKEN, key, (size_t)len, &value, NULL) != 1 ||
				strtoul(buf_str(&value), NULL, 10) != n)
				errx(1, "turn %u is not whole: row %s says '%s'", n, key, buf_str(&value));
		}
	}
}

static uint32_t
check_store(const char *path, uint32_t acked)
{
	struct store *store = open_store(path);
	uint32_t last = last_turn(store);

	if (last != acked && last != acked + 1)
		errx(1, "acknowledged %u, but the store says %u", acked, last);
	check_rows(store, last);
	store_close(store);
	return last;
}

static void
remove_store(const char *dir, const char *path)
{
	static const char *const names[] = { "data.mdb", "lock.mdb", "certd.lock", "reserve" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *name = xasprintf("%s/%s", path, names[i]);

		unlink(name);
	}
	if (rmdir(path) < 0 || rmdir(dir) < 0)
		warn("%s", dir);
}

int
main(void)
{
	char dir[] = "/tmp/certd-test-XXXXXX";
	_cleanup_free_ char *path = NULL;
	useconds_t longest_us = LONGEST_US;
	uint32_t turn = 0;
	int round;

	if (!mkdtemp(dir))
		err(1, "%s", dir);
	path = xasprintf("%s/store", dir);
	CRYPTO_secure_malloc_init(1 << 20, 64);
	srandom(7);
	for (round = 0; round < ROUNDS || (turn <= ROUNDS && round < MAX_ROUNDS); round++) {
		uint32_t acked = kill_a_writer(path, turn, longest_us);

		/* On a busy machine writers die before their first commit, unless they get more time. */
		if (acked == turn && longest_us < SLOWEST_US)
			longest_us += longest_us / 4;
		turn = check_store(path, acked);
	}
	remove_store(dir, path);
	printf("%d kills, %u turns\n", round, turn);
	return turn > ROUNDS ? 0 : 1;
}
