#include "daemon/service/peer.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct role_map
map_of(const char *admin, const char *operator, const char * viewer)
{
	struct role_map map = { 0 };
	const char *const groups[] = { [ROLE_VIEWER] = viewer, [ROLE_OPERATOR] = operator, [ROLE_ADMIN] = admin };

	for (int role = ROLE_VIEWER; role <= ROLE_ADMIN; role++) {
		_cleanup_strlist_ struct strlist list = STRLIST_INIT;
		_cleanup_strlist_ struct strlist unknown = STRLIST_INIT;

		strlist_split(&list, groups[role], ' ');
		role_map_add(&map, (enum api_role)role, &list, &unknown);
		cr_assert_eq(unknown.count, 0);
	}
	return map;
}

Test(peer, the_highest_role_that_a_group_grants_wins_and_nobody_is_nobody)
{
	struct role_map map = map_of("4001", "4002", "4003 4004");
	static const struct {
		const char *why;
		uid_t uid;
		gid_t gids[3];
		size_t n;
		enum api_role role;
	} cases[] = {
		{ "root", 0, { 1 }, 1, ROLE_ADMIN },
		{ "no group of ours", 5000, { 1, 2, 3 }, 3, ROLE_NONE },
		{ "no group at all", 5000, { 0 }, 0, ROLE_NONE },
		{ "viewer by a second group", 5000, { 1, 4004 }, 2, ROLE_VIEWER },
		{ "operator before viewer", 5000, { 4003, 4002 }, 2, ROLE_OPERATOR },
		{ "admin before all", 5000, { 4003, 4001, 4002 }, 3, ROLE_ADMIN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(role_of(&map, cases[i].uid, cases[i].gids, cases[i].n), cases[i].role, "%s", cases[i].why);
	role_map_clear(&map);
}

Test(peer, a_cleared_map_is_empty_and_may_be_filled_again)
{
	static const struct role_map empty;
	struct role_map map = map_of("4001", "4002 4005", "4003 4004");

	role_map_clear(&map);
	cr_expect_eq(memcmp(&map, &empty, sizeof(map)), 0);
	cr_expect_eq(role_of(&map, 5000, (const gid_t[]){ 4001 }, 1), ROLE_NONE);
	map = map_of("4009", "", "");
	cr_expect_eq(role_of(&map, 5000, (const gid_t[]){ 4009 }, 1), ROLE_ADMIN);
	cr_expect_eq(role_of(&map, 5000, (const gid_t[]){ 4001 }, 1), ROLE_NONE);
	role_map_clear(&map);
}

Test(peer, unknown_groups_are_named_not_guessed)
{
	struct role_map map = { 0 };
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	_cleanup_strlist_ struct strlist unknown = STRLIST_INIT;

	strlist_add(&list, "no-such-group-of-certd");
	strlist_add(&list, "root");
	role_map_add(&map, ROLE_VIEWER, &list, &unknown);
	cr_expect_eq(unknown.count, 1);
	cr_expect_eq(map.n_gids[ROLE_VIEWER], 1);
	role_map_clear(&map);
}

Test(peer, credentials_are_read_from_the_socket)
{
	struct role_map map = { 0 };
	struct peer peer;
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	cr_assert_eq(peer_read(fds[0], &map, &peer, NULL), 0);
	cr_expect_eq(peer.uid, getuid());
	cr_expect_eq(peer.role, ROLE_ADMIN);
	cr_expect_lt(peer_read(STDIN_FILENO, &map, &peer, NULL), 0);
	close(fds[0]);
	close(fds[1]);
}
