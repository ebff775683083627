/*
 * daemon/control/peer.h: who is on the other end of a Unix socket, and what role that is. Decided once after accept,
 * by uid and groups (SO_PEERCRED, SO_PEERGROUPS), never by pid, which may be somebody else's by now.
 */
#ifndef DAEMON_CONTROL_PEER_H
#define DAEMON_CONTROL_PEER_H

#include "common/api.h"
#include "common/strlist.h"

#include <sys/types.h>

struct error;

/* Group ids that grant a role; looked up once, at start and reload: names may block (LDAP). */
struct role_map {
	gid_t *gids[ROLE_ADMIN + 1]; /* owned; by role */
	size_t n_gids[ROLE_ADMIN + 1];
};

/* Adds the groups (names or numbers). A name that is unknown is skipped and appended to @unknown. */
void
role_map_add(struct role_map *map, enum api_role role, const struct strlist *groups, struct strlist *unknown);

void
role_map_clear(struct role_map *map);

struct peer {
	uid_t uid;
	enum api_role role;
	char label[32]; /* "uid:1000": createdBy, audit */
};

/* root and our own uid are admin; else the highest role that one of the peer's groups grants; else ROLE_NONE. */
int
peer_read(int fd, const struct role_map *map, struct peer *ret, struct error *err);

/* The pure part of peer_read(). */
enum api_role
role_of(const struct role_map *map, uid_t uid, const gid_t *gids, size_t n_gids);

#endif
