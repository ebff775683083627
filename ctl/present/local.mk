# ctl/present: how answers look to people and programs.
libctl_a_SOURCES += \
	ctl/present/columns.c ctl/present/columns.h \
	ctl/present/live_table.c ctl/present/live_table.h \
	ctl/present/output.c ctl/present/output.h \
	ctl/present/progress.c ctl/present/progress.h \
	ctl/present/table.c ctl/present/table.h \
	ctl/present/terminal.c ctl/present/terminal.h \
	ctl/present/text.c ctl/present/text.h \
	ctl/present/views.c ctl/present/views.h
