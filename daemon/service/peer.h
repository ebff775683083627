/*
 * daemon/service/peer.h: who makes a call, and what role that is. On a Unix socket it is decided once after accept, by
 * uid and groups (SO_PEERCRED, SO_PEERGROUPS), never by pid, which may be somebody else's by now; else by a token (token.h).
 */
#ifndef DAEMON_SERVICE_PEER_H
#define DAEMON_SERVICE_PEER_H

#include "common/api/api.h"
#include "common/scope.h"
#include "common/strlist.h"

#include <sys/types.h>

struct error;

/* Group ids that grant a role; looked up once, at start and reload: names may block (LDAP). */
struct role_map {
	gid_t *gids[ROLE_ADMIN + 1]; /* owned; by role */
	size_t n_gids[ROLE_ADMIN + 1];
	struct group_scope {
		gid_t gid;
		struct scope_rule rule;
	} * scopes; /* owned; a group at most once */
	size_t n_scopes;
};

/* Adds the groups (names or numbers). A name that is unknown is skipped and appended to @unknown. */
void
role_map_add(struct role_map *map, enum api_role role, const struct strlist *groups, struct strlist *unknown);

/* Narrows groups: entries of certd.conf's `scopes` (common/scope.h). Unknown groups as above. */
void
role_map_scope(struct role_map *map, const struct strlist *entries, struct strlist *unknown);

void
role_map_clear(struct role_map *map);

enum { PEER_TOKEN_NAME_MAX = 64 };

/* Shared by those who have it; never changed after it was made. */
struct scope {
	unsigned holders;
	struct scope_rule *rules; /* owned; one of them has to cover an object */
	size_t n_rules;
};

/* With one holder, the caller. */
struct scope *
scope_new(void);

/* While it is made. @rule: copied. */
void
scope_add(struct scope *scope, const struct scope_rule *rule);

/* NULL is NULL. */
struct scope *
scope_hold(struct scope *scope);

/* NULL is a no-op. */
void
scope_release(struct scope *scope);

/* Who makes a call. To be copied and released by the functions below. */
struct peer {
	uid_t uid; /* of the process at the other end; (uid_t)-1: known by a token */
	enum api_role role;
	char user_id[40];                    /* "1000", or the token's id: stable, whatever names become */
	char label[8 + PEER_TOKEN_NAME_MAX]; /* "uid:1000", "token:ci": createdBy, audit */
	struct scope *scope;                 /* which certificates it may see and touch, shared; NULL: all */
};

#define _cleanup_peer_ _cleanup_(peer_clear)

/* Replaces @dst, which is empty or a peer. */
void
peer_copy(struct peer *dst, const struct peer *src);

void
peer_clear(struct peer *peer);

/*
 * peer_read() - root and our own uid are admin; else the highest role that one of the peer's groups grants; else ROLE_NONE
 * @ret: filled on success, to be cleared
 */
int
peer_read(int fd, const struct role_map *map, struct peer *ret, struct error *err);

/* The pure part of peer_read(). */
enum api_role
role_of(const struct role_map *map, uid_t uid, const gid_t *gids, size_t n_gids);

/*
 * The other one: what the groups that grant @role are narrowed to, together; a group that is not narrowed lifts it.
 * NULL: no scope. Owned by the caller.
 */
struct scope *
scope_of(const struct role_map *map, enum api_role role, uid_t uid, const gid_t *gids, size_t n_gids);

#endif
