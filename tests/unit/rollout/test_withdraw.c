/* Files that are no longer declared, in the world of the simulation: they are removed, whatever happens in between. */
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CREATE_MAIL "{'properties':{'name':'mail','activate':'none','directory':'%s/mail'}}"

static bool
exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void
make_directory(const char *name)
{
	cr_assert_eq(mkdir(name, 0700), 0);
	cr_assert_eq(chmod(name, 02750), 0);
}

/* The auto-certificate is dropped into live, pem and the directory of a consumer, "mail"; "post" is another one. */
static void
begin_dropped(struct run *r)
{
	struct world *w = &r->world;
	_cleanup_free_ char *here = NULL;

	run_begin(r, 0);
	here = getcwd(NULL, 0);
	make_directory("mail");
	make_directory("post");
	cr_assert(world_call(w, RPC_CONSUMER_CREATE, CREATE_MAIL, here));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['mail']}}"));
	world_run_until(w, world_now(w) + HOUR);
	cr_assert(check_calm(w));
	cr_assert(exists("mail/privkey.pem") && exists("mail/manifest.json"));
}

static void
expect_all_gone(struct run *r)
{
	struct world *w = &r->world;

	cr_expect_not(exists("drops/live/a-90d"));
	cr_expect_not(exists("drops/pem/a-90d.pem"));
	cr_expect_not(exists("mail/privkey.pem"));
	cr_expect_not(exists("mail/bundle.pem"));
	cr_expect_not(exists("mail/manifest.json"));
	cr_expect(check_calm(w));
}

Test(withdraw, what_is_deleted_leaves_no_key_anywhere)
{
	struct run r;
	struct world *w = &r.world;

	begin_dropped(&r);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	expect_all_gone(&r);
	run_end(&r);
}

/* No worker gets to it any more: the answer has come, so it is durable, and nothing has been removed yet. */
Test(withdraw, an_end_between_the_deletion_and_the_removal_delays_it_only)
{
	struct run r;
	struct world *w = &r.world;

	begin_dropped(&r);
	drops_stop(w->drops);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}"));
	cr_assert(exists("mail/privkey.pem") && exists("drops/live/a-90d/privkey.pem"));
	world_stop(w);
	world_start(w);
	world_run_until(w, world_now(w) + MINUTE);
	expect_all_gone(&r);
	run_end(&r);
}

Test(withdraw, a_consumer_that_is_taken_off_keeps_no_key)
{
	struct run r;
	struct world *w = &r.world;

	begin_dropped(&r);
	cr_assert(world_call(
		w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':[]},'force':true}"));
	world_stop(w);
	world_start(w);
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_not(exists("mail/privkey.pem"));
	cr_expect(exists("mail"));
	cr_expect(exists("drops/live/a-90d/privkey.pem"));
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(withdraw, a_consumer_that_moves_leaves_no_key_behind)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_free_ char *here = NULL;

	begin_dropped(&r);
	here = getcwd(NULL, 0);
	cr_assert(world_call(
		w, RPC_CONSUMER_UPDATE, "{'ref':'mail','properties':{'directory':'%s/post'},'force':true}", here));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_not(exists("mail/privkey.pem"));
	cr_expect(exists("post/privkey.pem"));
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(withdraw, what_is_declared_again_meanwhile_stays)
{
	struct run r;
	struct world *w = &r.world;

	begin_dropped(&r);
	world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':[]},'force':true}");
	world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['mail']}}");
	world_stop(w);
	world_start(w);
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect(exists("mail/privkey.pem") && exists("mail/manifest.json"));
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(withdraw, a_new_declaration_of_the_name_keeps_its_files)
{
	struct run r;
	struct world *w = &r.world;

	begin_dropped(&r);
	world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}");
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'a-90d','provider':'ca','commonName':'a-90d.sim.test','consumers':['"
		"mail']}}"));
	world_run_until(w, world_now(w) + HOUR);
	cr_expect(exists("drops/live/a-90d/privkey.pem"));
	cr_expect(exists("mail/privkey.pem"));
	cr_expect(check_calm(w), "the drop is the new one's");
	run_end(&r);
}

/* Another file is in place of the directory; the rest is removed in any case. */
Test(withdraw, what_cannot_be_removed_is_tried_again_until_it_is)
{
	struct run r;
	struct world *w = &r.world;
	int fd;

	begin_dropped(&r);
	cr_assert_eq(rename("mail", "away"), 0);
	fd = open("mail", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
	world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}");
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_not(exists("drops/live/a-90d"));
	cr_expect_eq(store_count(w->store, STORE_REMOVAL), 1);
	cr_assert_eq(unlink("mail"), 0);
	cr_assert_eq(rename("away", "mail"), 0);
	world_stop(w);
	world_start(w);
	world_run_until(w, world_now(w) + 2 * HOUR);
	expect_all_gone(&r);
	run_end(&r);
}

Test(withdraw, on_a_full_disk_the_key_goes_before_its_record)
{
	struct run r;
	struct world *w = &r.world;

	begin_dropped(&r);
	world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}");
	world_set_disk_full(w, true);
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_not(exists("mail/privkey.pem"));
	world_set_disk_full(w, false);
	world_run_until(w, world_now(w) + HOUR);
	expect_all_gone(&r);
	run_end(&r);
}
