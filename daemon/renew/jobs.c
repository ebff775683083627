/* The table of this folder's jobs. A new kind is a file with a struct job_kind, and a line here. */
#include "daemon/renew/jobs.h"

#include "daemon/renew/account.h"
#include "daemon/renew/approval.h"
#include "daemon/renew/ari.h"
#include "daemon/renew/authorize.h"
#include "daemon/renew/crl.h"
#include "daemon/renew/ct.h"
#include "daemon/renew/dane.h"
#include "daemon/renew/expiry.h"
#include "daemon/renew/persist.h"
#include "daemon/renew/purge.h"
#include "daemon/renew/rehearse.h"
#include "daemon/renew/reissue.h"
#include "daemon/renew/revoke.h"
#include "daemon/schedule/scheduler.h"

void
renew_register_jobs(struct scheduler *scheduler, struct issue_env *env)
{
	static const struct job_kind *const kinds[] = {
		&issue_job,
		&account_job,
		&authorize_job,
		&purge_job,
		&expiry_job,
		&ari_job,
		&revoke_job,
		&persist_job,
		&approval_job,
		&crl_job,
		&rehearse_job,
		&reissue_job,
		&ct_job,
		&dane_job,
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		scheduler_register(scheduler, kinds[i], env);
}
