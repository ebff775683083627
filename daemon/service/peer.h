/*
 * daemon/service/peer.h: the caller and its role. On a Unix socket they are determined once after accept, by uid and
 * groups (SO_PEERCRED, SO_PEERGROUPS), never by pid, which may have been reused; otherwise by a token (token.h).
 */
#ifndef DAEMON_SERVICE_PEER_H
#define DAEMON_SERVICE_PEER_H

#include "common/api/api.h"
#include "common/scope.h"
#include "common/strlist.h"

#include <sys/types.h>

struct error;

/* Group ids that grant a role; looked up once, at start and reload, because lookups may block (LDAP). */
struct role_map {
	gid_t *gids[ROLE_ADMIN + 1]; /* owned; by role */
	size_t n_gids[ROLE_ADMIN + 1];
	struct group_scope {
		gid_t gid;
		struct scope_rule rule;
	} * scopes; /* owned; each group at most once */
	size_t n_scopes;
};

/* Adds the groups (names or numbers). An unknown name is skipped and appended to @unknown. */
void
role_map_add(struct role_map *map, enum api_role role, const struct strlist *groups, struct strlist *unknown);

/* Restricts groups: entries of certd.conf's `scopes` (common/scope.h). Unknown groups as above. */
void
role_map_scope(struct role_map *map, const struct strlist *entries, struct strlist *unknown);

void
role_map_clear(struct role_map *map);

enum { PEER_TOKEN_NAME_MAX = 64 };

/* Shared by several peers; immutable. */
struct scope {
	unsigned holders;
	struct scope_rule *rules; /* owned; one of them must cover an object */
	size_t n_rules;
};

/* With one reference, the caller's. */
struct scope *
scope_new(void);

/* Only before it is shared. @rule: copied. */
void
scope_add(struct scope *scope, const struct scope_rule *rule);

/* NULL is NULL. */
struct scope *
scope_hold(struct scope *scope);

/* NULL is a no-op. */
void
scope_release(struct scope *scope);

/* Changes an object into the form of the caller's interface. */
typedef void
peer_show_fn(const struct api_resource *resource, struct json_object *object);

/* The caller. To be copied and released by the functions below. */
struct peer {
	uid_t uid; /* of the peer's process; (uid_t)-1: identified by a token */
	enum api_role role;
	char user_id[40];                    /* "1000", or the token's id: stable when names change */
	char label[8 + PEER_TOKEN_NAME_MAX]; /* "uid:1000", "token:ci": createdBy, audit */
	struct scope *scope;                 /* the certificates it may see and change, shared; NULL: all */
	peer_show_fn *show;                  /* for the items of lists, which are answered as text; NULL: as they are */
};

#define _cleanup_peer_ _cleanup_(peer_clear)

/* Replaces @dst, which is empty or a peer. */
void
peer_copy(struct peer *dst, const struct peer *src);

void
peer_clear(struct peer *peer);

/*
 * peer_read() - root and certd's own uid are admin; otherwise the highest role granted by one of the peer's groups;
 * otherwise
 * ROLE_NONE
 * @ret: filled on success, to be cleared
 */
int
peer_read(int fd, const struct role_map *map, struct peer *ret, struct error *err);

/* The pure part of peer_read(). */
enum api_role
role_of(const struct role_map *map, uid_t uid, const gid_t *gids, size_t n_gids);

/*
 * The scope of @role: the union of the scopes of all groups that grant it; a group without a scope makes it
 * unrestricted.
 * NULL: no scope. Owned by the caller.
 */
struct scope *
scope_of(const struct role_map *map, enum api_role role, uid_t uid, const gid_t *gids, size_t n_gids);

#endif
