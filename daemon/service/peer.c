/* Roles from peer credentials. Denies by default: a peer without a matching rule has ROLE_NONE and may call nothing. */
#include "daemon/service/peer.h"

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
	for (size_t i = 0; i < map->n_scopes; i++)
		scope_rule_clear(&map->scopes[i].rule);
	free(map->scopes);
	*map = (struct role_map){ 0 };
}

/* Several entries of a group are one rule. */
static void
add_scope(struct role_map *map, gid_t gid, const struct scope_rule *rule)
{
	for (size_t i = 0; i < map->n_scopes; i++) {
		if (map->scopes[i].gid == gid) {
			scope_rule_add(&map->scopes[i].rule, rule);
			return;
		}
	}
	map->scopes = xreallocarray(map->scopes, map->n_scopes + 1, sizeof(*map->scopes));
	map->scopes[map->n_scopes] = (struct group_scope){ .gid = gid };
	scope_rule_add(&map->scopes[map->n_scopes++].rule, rule);
}

void
role_map_scope(struct role_map *map, const struct strlist *entries, struct strlist *unknown)
{
	for (size_t i = 0; i < entries->count; i++) {
		struct scope_rule rule = { .domains = STRLIST_INIT };
		_cleanup_free_ char *group = NULL;
		gid_t gid;

		if (scope_entry_read(entries->items[i], &group, &rule, NULL) < 0)
			continue; /* certd.conf was checked: all entries are valid */
		if (group_id(group, &gid))
			add_scope(map, gid, &rule);
		else
			strlist_add(unknown, group);
		scope_rule_clear(&rule);
	}
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

static bool
has_gid(const gid_t *gids, size_t n, gid_t gid)
{
	for (size_t i = 0; i < n; i++)
		if (gids[i] == gid)
			return true;
	return false;
}

static const struct scope_rule *
rule_of_group(const struct role_map *map, gid_t gid)
{
	for (size_t i = 0; i < map->n_scopes; i++)
		if (map->scopes[i].gid == gid)
			return &map->scopes[i].rule;
	return NULL;
}

struct scope *
scope_new(void)
{
	struct scope *scope = xcalloc(1, sizeof(*scope));

	scope->holders = 1;
	return scope;
}

void
scope_add(struct scope *scope, const struct scope_rule *rule)
{
	scope->rules = xreallocarray(scope->rules, scope->n_rules + 1, sizeof(*scope->rules));
	scope->rules[scope->n_rules] = (struct scope_rule){ .domains = STRLIST_INIT };
	scope_rule_add(&scope->rules[scope->n_rules++], rule);
}

struct scope *
scope_hold(struct scope *scope)
{
	if (scope)
		scope->holders++;
	return scope;
}

void
scope_release(struct scope *scope)
{
	if (!scope || --scope->holders)
		return;
	for (size_t i = 0; i < scope->n_rules; i++)
		scope_rule_clear(&scope->rules[i]);
	free(scope->rules);
	free(scope);
}

struct scope *
scope_of(const struct role_map *map, enum api_role role, uid_t uid, const gid_t *gids, size_t n_gids)
{
	struct scope *scope;

	if (uid == 0 || uid == geteuid() || role == ROLE_NONE)
		return NULL;
	scope = scope_new();
	for (size_t i = 0; i < map->n_gids[role]; i++) {
		const struct scope_rule *rule = rule_of_group(map, map->gids[role][i]);

		if (!has_gid(gids, n_gids, map->gids[role][i]))
			continue;
		if (!rule) {
			scope_release(scope);
			return NULL;
		}
		scope_add(scope, rule);
	}
	return scope;
}

void
peer_copy(struct peer *dst, const struct peer *src)
{
	struct scope *scope = scope_hold(src->scope);

	scope_release(dst->scope);
	*dst = *src;
	dst->scope = scope;
}

void
peer_clear(struct peer *peer)
{
	scope_release(peer->scope);
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
	/* SO_PEERCRED contains only the primary group; SO_PEERGROUPS has all. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &gids_len) < 0)
		gids_len = 0;
	n = gids_len / sizeof(gids[0]);
	gids[n++] = cred.gid;
	*ret = (struct peer){ .uid = cred.uid, .role = role_of(map, cred.uid, gids, n) };
	ret->scope = scope_of(map, ret->role, cred.uid, gids, n);
	snprintf(ret->user_id, sizeof(ret->user_id), "%u", cred.uid);
	snprintf(ret->label, sizeof(ret->label), "uid:%u", cred.uid);
	return 0;
}
