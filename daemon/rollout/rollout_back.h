/* daemon/rollout/rollout_back.h: an earlier certificate is deployed instead of the newest. */
#ifndef DAEMON_ROLLOUT_ROLLOUT_BACK_H
#define DAEMON_ROLLOUT_ROLLOUT_BACK_H

#include "daemon/rollout/rollout.h"

/* Is an earlier certificate deployed anywhere? */
bool
rollout_is_rolled_back(const struct rollout_state *state);

/* Is the certificate deployed, or to be? It must not be deleted. */
bool
rollout_uses(const struct rollout_state *state, const char *certificate_id);

/* Do both read the same directory, live/<slug> without one of their own? They can only be rolled back together. */
bool
rollout_share_files(const struct consumer *a, const struct consumer *b);

/* Is the certificate deployed by any unresolved rollback? @err: required. Return: 1, 0 or -1. */
int
rollout_needs(struct rollout *rollout, const char *certificate_id, struct error *err);

/*
 * May @cert be deployed instead of a newer one of the auto-certificate @subject_id, or of the imported certificate of
 * that id, which has replaced it? Return: 0, or -1 with the reason.
 */
int
rollout_check_earlier(
	struct store *store, const struct certificate *cert, const char *subject_id, int64_t now, struct error *err);

/*
 * The newest certificate before @current_id that is neither expired nor revoked and has all its names.
 * @ret: zeroed; without its key
 * Return: 1 found, 0 none, -1 failed.
 */
int
rollout_find_earlier(struct store *store, const char *subject_id, const char *current_id, int64_t now,
	struct certificate *ret, struct error *err);

struct rollback {
	const char *subject;     /* id of the auto-certificate or imported certificate; all borrowed */
	const char *consumer;    /* id: and all that share its files. NULL: everything */
	const char *certificate; /* id: is deployed instead of the newest */
	const char *by;          /* who asked; NULL: certd itself */
	const struct error *why; /* what failed; NULL: somebody asked */
};

/* A new generation, with its rows, in @txn. Return: 0 or -1. */
int
rollout_roll_back(
	struct rollout *rollout, struct store_txn *txn, const struct rollback *back, int64_t now, struct error *err);

/* "it was rolled back at ...: why; to deploy the newest ...". @name: of the subject. Owned by the caller. */
char *
rollout_rollback_text(struct store *store, const char *name, const struct rollout_state *state);

#endif
