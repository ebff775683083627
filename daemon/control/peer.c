/* Roles from peer credentials. Deny by default: a peer that no rule knows has ROLE_NONE and may call nothing. */
#include "daemon/control/peer.h"

#include "common/error.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEER_MAX_GROUPS = 1024 };

/* Return: 1 and the gid, 0 unknown. */
static int
group_id(const char *text, gid_t *ret)
{
	struct group *gr;
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text && !*end && number < (gid_t)-1) {
		*ret = (gid_t)number;
		return 1;
	}
	gr = getgrnam(text);
	if (gr)
		*ret = gr->gr_gid;
	return gr != NULL;
}

void
role_map_add(struct role_map *map, enum api_role role, const struct strlist *groups, struct strlist *unknown)
{
	for (size_t i = 0; i < groups->count; i++) {
		gid_t gid;

		if (!group_id(groups->items[i], &gid)) {
			strlist_add(unknown, groups->items[i]);
			continue;
		}
		map->gids[role] = xreallocarray(map->gids[role], map->n_gids[role] + 1, sizeof(gid_t));
		map->gids[role][map->n_gids[role]++] = gid;
	}
}

void
role_map_clear(struct role_map *map)
{
	for (size_t role = 0; role < ARRAY_SIZE(map->gids); role++)
		free(map->gids[role]);
	*map = (struct role_map){ 0 };
}

static bool
grants(const struct role_map *map, enum api_role role, const gid_t *gids, size_t n_gids)
{
	for (size_t i = 0; i < map->n_gids[role]; i++)
		for (size_t j = 0; j < n_gids; j++)
			if (map->gids[role][i] == gids[j])
				return true;
	return false;
}

enum api_role
role_of(const struct role_map *map, uid_t uid, const gid_t *gids, size_t n_gids)
{
	if (uid == 0 || uid == geteuid())
		return ROLE_ADMIN;
	for (int role = ROLE_ADMIN; role > ROLE_NONE; role--)
		if (grants(map, (enum api_role)role, gids, n_gids))
			return (enum api_role)role;
	return ROLE_NONE;
}

void
peer_copy(struct peer *dst, const struct peer *src)
{
	*dst = *src;
}

void
peer_clear(struct peer *peer)
{
	*peer = (struct peer){ .role = ROLE_NONE };
}

int
peer_read(int fd, const struct role_map *map, struct peer *ret, struct error *err)
{
	struct ucred cred;
	socklen_t cred_len = sizeof(cred);
	gid_t gids[PEER_MAX_GROUPS];
	socklen_t gids_len = sizeof(gids) - sizeof(gids[0]);
	size_t n;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) < 0)
		return error_set_errno(err, errno, "read the peer's credentials");
	/* SO_PEERCRED carries the primary group only; membership is SO_PEERGROUPS. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &gids_len) < 0)
		gids_len = 0;
	n = gids_len / sizeof(gids[0]);
	gids[n++] = cred.gid;
	*ret = (struct peer){ .uid = cred.uid, .role = role_of(map, cred.uid, gids, n) };
	snprintf(ret->user_id, sizeof(ret->user_id), "%u", cred.uid);
	snprintf(ret->label, sizeof(ret->label), "uid:%u", cred.uid);
	return 0;
}
