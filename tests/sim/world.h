/*
 * tests/sim/world.h: certd without its sockets, in virtual time, with two CAs in the same process. The CAs and true
 * time go on whatever happens to certd: it can be stopped and started at any moment, its clock can be wrong, its disk
 * full.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "daemon/service/service.h"
#include "tests/sim/sim.h"
#include "tests/support/fake_ca.h"

enum { WORLD_CAS = 2 };

/* What a CA does to its clients at present. */
enum weather {
	WEATHER_PERFECT,   /* not of this world: nothing is lost, no nonce refused, everything validates */
	WEATHER_FAIR,      /* but for a lost request here and there, and every third nonce */
	WEATHER_NO_NET,    /* nothing arrives */
	WEATHER_DOWN,      /* every answer is 503 */
	WEATHER_LIMITED,   /* newOrder: rateLimited with Retry-After */
	WEATHER_GARBAGE,   /* what comes back is half a page of HTML, or nothing */
	WEATHER_LOSSY,     /* requests are carried out, a third of the answers is lost */
	WEATHER_REFUSING,  /* no validation succeeds: orders become invalid */
	WEATHER_SLOW,      /* 20 s for each answer, half an hour for a certificate */
	WEATHER_UNDECIDED, /* challenges stay pending */
	WEATHER_FULL,      /* newOrder: a rate limit of the account, with Retry-After */
	WEATHER_COUNT
};

struct world;
struct pace;

struct world_ca {
	struct world *world;
	struct fake_ca *ca;
	char url[32];
	enum weather weather;
	int64_t weather_until_at; /* true time */
};

struct world {
	struct sim *sim;
	struct clock *clock;
	struct loop *loop;
	struct world_ca cas[WORLD_CAS];
	struct http http;              /* to both */
	const struct http *crl_http;   /* to the servers of revocation lists; NULL: there are none */
	const struct http *alert_http; /* to the receivers of alerts; NULL: there are none */
	const struct mail *alert_mail;
	struct dns *dns; /* whose server is not there: it answers nothing but addresses */
	struct conf conf;
	struct secret master_key;
	char *notify_path; /* of the consumer's socket */
	int notify_fd;
	struct loop_fd *notify_watch;
	uint64_t notified; /* datagrams that consumers were sent */
	int64_t skew;      /* seconds that certd's clock is ahead of true time */
	bool disk_is_full;
	bool is_peculiar;           /* a test has put what no certd would: objects need not agree with their indexes */
	bool is_unreadable;         /* a test lets reads fail: an event need not know the name of its object */
	unsigned restart_per_mille; /* of the requests to a CA end certd at the end of the turn */
	bool wants_restart;
	uint64_t requests;       /* that the CAs got */
	uint64_t stop_at;        /* number of the request at which world_run_until() returns; 0: none */
	uint64_t stop_at_commit; /* number of the store's commit after which world_run_until() returns; 0: none */
	uint64_t lose_answer_of; /* number of the request that is carried out, but not answered; 0: none */
	/* of the present minute, for the check that nothing runs hot */
	int64_t minute;
	unsigned requests_in_minute;
	unsigned max_requests_in_minute;
	/* of each auto-certificate, to check that none orders too much */
	struct pace *paces;
	size_t n_paces;
	/* what happened */
	uint64_t issued, failed, deployed, purged, restarts, store_failed;
	/* certd; all NULL while it is stopped */
	struct log *log;
	struct workers *workers;
	struct store *store;
	struct events *events;
	struct event_subscription *subscription;
	struct drops *drops;
	struct rollout *rollout;
	struct solver *solver;
	struct issue_env issue_env;
	struct scheduler *scheduler;
	struct startup *startup;
	struct service service;
};

/* In the present directory; certd is not started. */
void
world_init(struct world *w, struct sim *sim);

void
world_clear(struct world *w);

/* UNIX seconds by the correct clock, unlike certd's. */
int64_t
world_now(const struct world *w);

void
world_start(struct world *w);

/* As at the end of the process: nothing is finished, and no callback is called. */
void
world_stop(struct world *w);

/* Until @at (true time) or request @stop_at, starting certd anew whenever it was ended in between. */
void
world_run_until(struct world *w, int64_t at);

/* Commits of the store since certd was started. */
uint64_t
world_commits(const struct world *w);

/* @seconds: how far certd's clock is ahead from now on. */
void
world_set_skew(struct world *w, int64_t seconds);

/* No octet can be written any more; or again. */
void
world_set_disk_full(struct world *w, bool is_full);

/* @until_at: when it will be over, for Retry-After. */
void
world_set_weather(struct world_ca *ca, enum weather weather, int64_t until_at);

const char *
weather_name(enum weather weather);

/*
 * One method of the control API, answered when the change is durable; if it asks the CA, time passes.
 * @params: printf format of the JSON text, with ' for ". Return: true if it was not refused; refusals are in the log.
 */
bool
world_call(struct world *w, enum api_method_id method, const char *params, ...) _printf_(3, 4);

/* Seconds that certificates of this auto-certificate live: the label behind the last dash, "w07-24h.sim.test". */
int64_t
world_lifetime(const char *name);

#endif
