/* doctor/line.c - see line.h. Prefixes are taken off from the outside in. */
#include "doctor/line.h"

#include <ctype.h>
#include <string.h>

#include "doctor/line_priv.h"

/* ---- small words --------------------------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* n digits at *p, moved over. */
static bool digits(const char **p, unsigned n, int64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!isdigit((unsigned char)(*p)[i]))
            return false;
        *value = *value * 10 + ((*p)[i] - '0');
    }
    *p += n;
    return true;
}

/* Digits behind a point as microseconds; more than six are cut. */
static int64_t fraction(const char **p)
{
    int64_t value = 0, unit = 100000;

    for (; isdigit((unsigned char)**p); (*p)++) {
        value += (**p - '0') * unit;
        unit /= 10;
    }
    return value;
}

/* hh:mm:ss, then perhaps .mmm or ,mmm or .mmm,uuu as Zephyr has it. */
static bool clock_time(const char **at, int64_t *us)
{
    const char *p = *at;
    int64_t h, m, s, more = 0;

    if (!digits(&p, 2, &h) || *p++ != ':' || !digits(&p, 2, &m) || *p++ != ':' ||
        !digits(&p, 2, &s) || m > 59 || s > 60)
        return false;
    if ((*p == '.' || *p == ',' || *p == ':') && isdigit((unsigned char)p[1])) {
        p++;
        more = fraction(&p);
        if (*p == ',' && isdigit((unsigned char)p[1])) { // .123,456
            int64_t micro;

            p++;
            if (digits(&p, 3, &micro))
                more += micro;
        }
    }
    *us = (h * 3600 + m * 60 + s) * 1000000 + more;
    *at = p;
    return true;
}

/* 2023-10-10, 2023/10/10, 10.10.2023, 10-10; then a blank or T. The day itself is not needed. */
static bool date(const char **at)
{
    const char *p = *at;
    unsigned groups = 0, n = 0;

    for (; isdigit((unsigned char)*p) || *p == '-' || *p == '/' || *p == '.'; p++, n++)
        groups += !isdigit((unsigned char)*p);
    if (groups < 1 || groups > 2 || n < 5 || n > 10 || (*p != ' ' && *p != 'T' && *p != '\t'))
        return false;
    p++;
    if (!isdigit((unsigned char)*p))
        return false;
    *at = p;
    return true;
}

/* ---- clocks -------------------------------------------------------------------------- */

#define DAY_US    (86400LL * 1000000)
#define JITTER_US 1000000 /* lines of several threads, written in another order */

static int64_t monotonic(struct td_line_state *state, enum td_clock which, int64_t us)
{
    int64_t at = state->clock[which].base + us;

    if (state->clock[which].seen && at < state->clock[which].last) {
        if (state->clock[which].last - at <= JITTER_US)
            return state->clock[which].last;
        if (which == TD_CLOCK_DAY)
            state->clock[which].base += DAY_US;
        else
            state->clock[which].base = state->clock[which].last;
        at = state->clock[which].base + us;
        if (at < state->clock[which].last)
            at = state->clock[which].last;
    }
    state->clock[which].seen = true;
    state->clock[which].last = at;
    return at;
}

/* ---- prefixes ------------------------------------------------------------------------ */

struct prefix {
    struct td_line_state *state;
    struct td_line *line;
    const char *p; /* what is left */
    enum td_clock clock;
    int64_t us;
};

static void say_module(struct prefix *x, const char *name, size_t len)
{
    if (len >= sizeof x->state->module)
        len = sizeof x->state->module - 1;
    memcpy(x->state->module, name, len);
    x->state->module[len] = 0;
    x->line->module = x->state->module;
}

static char level_of_word(const char *word, size_t len)
{
    static const struct {
        const char *word;
        char level;
    } words[] = {
        { "ERROR", 'E' }, { "ERRO", 'E' }, { "ERR", 'E' },         { "CRITICAL", 'E' },
        { "FATAL", 'E' }, { "FATA", 'E' }, { "PANIC", 'E' },       { "WARNING", 'W' },
        { "WARN", 'W' },  { "WRN", 'W' },  { "INFO", 'I' },        { "INF", 'I' },
        { "DEBUG", 'D' }, { "DEBU", 'D' }, { "DBG", 'D' },         { "VERBOSE", 'V' },
        { "TRACE", 'V' }, { "TRAC", 'V' }, { "APPLICATION", 'A' }, { "NOTICE", 'I' },
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].word) == len) {
            size_t n = 0;

            while (n < len && toupper((unsigned char)word[n]) == words[i].word[n])
                n++;
            if (n == len)
                return words[i].level;
        }
    }
    return 0;
}

static size_t word_size(const char *p)
{
    size_t n = 0;

    while (isalpha((unsigned char)p[n]))
        n++;
    return n;
}

/* > and | as people and programs quote; several of them. */
static void take_quotes(struct prefix *x)
{
    x->p = skip_blanks(x->p);
    while (x->p[0] == '>' && (is_blank(x->p[1]) || x->p[1] == '>'))
        x->p = skip_blanks(x->p + 1);
}

/* "uart:~$ " of Zephyr's shell, in front of what is logged meanwhile. */
static void take_prompt(struct prefix *x)
{
    const char *p = strstr(x->p, ":~$ ");

    if (p && p - x->p > 0 && p - x->p < 12 && word_size(x->p) == (size_t)(p - x->p) &&
        (p[4] == '[' || p[4] == '<'))
        x->p = p + 4;
}

/* "00> " of J-Link's RTT viewer: the channel. */
static bool take_rtt(struct prefix *x)
{
    if (!isdigit((unsigned char)x->p[0]) || !isdigit((unsigned char)x->p[1]) || x->p[2] != '>')
        return false;
    x->p = x->p[3] == ' ' ? x->p + 4 : x->p + 3;
    return true;
}

/* The levels of Android's and of Apple's logs; Zephyr's minimal log has some of them. */
static bool is_level(char c)
{
    return c == 'V' || c == 'D' || c == 'I' || c == 'W' || c == 'E' || c == 'A';
}

/* V 08:47:42.977 [McuMgr] ... */
static bool take_nordic(struct prefix *x)
{
    const char *p = x->p;
    int64_t us;

    if (!is_level(p[0]) || !is_blank(p[1]))
        return false;
    p = skip_blanks(p + 1);
    if (!clock_time(&p, &us) || (!is_blank(*p) && *p != 0))
        return false;
    x->line->dialect = TD_DIALECT_NORDIC_ANDROID;
    x->line->level = x->p[0];
    x->clock = TD_CLOCK_DAY;
    x->us = us;
    x->p = skip_blanks(p);
    if (strncmp(x->p, "[McuMgr]", 8) == 0) {
        say_module(x, "McuMgr", 6);
        x->p = skip_blanks(x->p + 8);
    }
    return true;
}

static size_t tag_size(const char *p)
{
    size_t n = 0;

    while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '.' || p[n] == '-')
        n++;
    return n;
}

static bool say_logcat(struct prefix *x, char level, const char *tag, size_t tag_len,
                       const char *text)
{
    x->line->dialect = TD_DIALECT_NORDIC_ANDROID;
    x->line->level = level;
    say_module(x, tag, tag_len);
    x->p = skip_blanks(text);
    return true;
}

/* Behind the time: 1234  5678 D McuMgr  : ... */
static bool take_logcat(struct prefix *x)
{
    const char *p = x->p, *tag;
    char level;
    size_t n;

    while (isdigit((unsigned char)*p) || *p == ' ' || *p == '-')
        p++;
    level = *p;
    if (!is_level(level) || p[1] != ' ')
        return false;
    tag = skip_blanks(p + 1);
    n = tag_size(tag);
    p = skip_blanks(tag + n);
    return n > 0 && *p == ':' && say_logcat(x, level, tag, n, p + 1);
}

/* Android Studio, behind the time: 1234-5678 McuMgrBleTransport  com.example.app  D  ... */
static bool take_studio(struct prefix *x)
{
    const char *p = x->p, *tag, *q;
    bool sure;
    size_t n;

    while (isdigit((unsigned char)*p) || *p == '-')
        p++;
    sure = p > x->p; // process and thread; else the package has to stand there
    tag = skip_blanks(p);
    n = tag_size(tag);
    // The level stands alone between columns.
    for (q = tag + n; *q != 0 && q - tag < 80; q++) {
        sure |= *q == '.';
        if (n > 0 && sure && q[0] == ' ' && is_level(q[1]) && q[2] == ' ' && q[3] == ' ')
            return say_logcat(x, q[1], tag, n, q + 3);
    }
    return false;
}

/* D/McuMgr( 123): ... */
static bool take_logcat_brief(struct prefix *x)
{
    const char *tag = x->p + 2, *p;
    size_t n;

    if (!is_level(x->p[0]) || x->p[1] != '/')
        return false;
    n = tag_size(tag);
    p = skip_blanks(tag + n);
    if (*p == '(') {
        p = strchr(p, ')');
        if (!p)
            return false;
        p++;
    }
    return n > 0 && *p == ':' && say_logcat(x, x->p[0], tag, n, p + 1);
}

/* Apple's NSLog, behind the time: App[2856:840190] ... */
static bool take_nslog(struct prefix *x)
{
    const char *p = x->p + tag_size(x->p), *end;

    if (p == x->p || *p != '[' || !isdigit((unsigned char)p[1]))
        return false;
    end = strchr(p, ']');
    if (!end || end - p > 24 || !is_blank(end[1]))
        return false;
    x->line->dialect = TD_DIALECT_NORDIC_IOS;
    x->p = skip_blanks(end + 1);
    return true;
}

/* <err> module: ... behind a time stamp in brackets, or alone */
static bool take_zephyr_level(struct prefix *x)
{
    const char *p = x->p, *name;
    char level;

    if (p[0] != '<' || !isalpha((unsigned char)p[1]) || !isalpha((unsigned char)p[2]) ||
        !isalpha((unsigned char)p[3]) || p[4] != '>')
        return false;
    level = level_of_word(p + 1, 3);
    if (!level)
        return false;
    x->line->dialect = TD_DIALECT_ZEPHYR;
    x->line->level = level;
    p = skip_blanks(p + 5);
    name = p;
    while (isalnum((unsigned char)*p) || *p == '_' || *p == '.' || *p == '/' || *p == '-')
        p++;
    if (*p == ':' && p > name) {
        say_module(x, name, (size_t)(p - name));
        p = skip_blanks(p + 1);
    } else {
        p = name;
    }
    x->p = p;
    return true;
}

/* [00:00:00.123,456] <err> ..., [00000123] <inf> ..., [2023-10-10 08:47:43.015,000] <wrn> ... */
static bool take_zephyr(struct prefix *x)
{
    const char *p = x->p;
    int64_t us = 0;
    enum td_clock clock = TD_CLOCK_UPTIME;

    if (*p != '[')
        return take_zephyr_level(x);
    p++;
    if (date(&p))
        clock = TD_CLOCK_DAY;
    if (!clock_time(&p, &us)) {
        while (isdigit((unsigned char)*p))
            p++;
        clock = TD_CLOCK_NONE; // cycles, of a clock whose rate the log does not say
    }
    if (*p != ']')
        return false;
    p = skip_blanks(p + 1);
    if (*p != '<')
        return false;
    x->p = p;
    if (!take_zephyr_level(x)) {
        x->p = p;
        return false;
    }
    if (clock != TD_CLOCK_NONE) {
        x->clock = clock;
        x->us = us;
    }
    return true;
}

/* E: ..., with nothing else in front: the minimal log */
static bool take_zephyr_minimal(struct prefix *x)
{
    if (!is_level(x->p[0]) || x->p[1] != ':' || x->p[2] != ' ')
        return false;
    // V and A are levels of Apple's clients, which write the same form.
    x->line->dialect = x->p[0] == 'V' || x->p[0] == 'A' ? TD_DIALECT_NORDIC_IOS : TD_DIALECT_ZEPHYR;
    x->line->level = x->p[0];
    x->p = skip_blanks(x->p + 3);
    return true;
}

/* DEBU[0000] ... and time="..." level=debug msg="..." */
static bool take_logrus(struct prefix *x)
{
    const char *p = x->p;
    size_t n = word_size(p);
    char level = n == 4 ? level_of_word(p, n) : 0;
    int64_t seconds = 0;

    if (level && p[4] == '[' && isdigit((unsigned char)p[5])) {
        const char *day = p + 5;

        x->clock = TD_CLOCK_LOG;
        if (date(&day) && clock_time(&day, &x->us)) {
            x->clock = TD_CLOCK_DAY;
            p = day;
        } else {
            for (p += 5; isdigit((unsigned char)*p) && seconds < 100000000; p++)
                seconds = seconds * 10 + (*p - '0');
            x->us = seconds * 1000000;
        }
        if (*p != ']')
            return false;
        x->line->dialect = TD_DIALECT_MCUMGR;
        x->line->level = level;
        x->p = skip_blanks(p + 1);
        return true;
    }
    if (strncmp(p, "time=\"", 6) != 0)
        return false;
    p += 6;
    if (date(&p) && clock_time(&p, &x->us))
        x->clock = TD_CLOCK_DAY;
    p = strstr(p, "level=");
    if (!p)
        return false;
    x->line->dialect = TD_DIALECT_MCUMGR;
    x->line->level = level_of_word(p + 6, word_size(p + 6));
    p = strstr(p, "msg=");
    if (!p)
        return false;
    p += 4;
    x->p = *p == '"' ? p + 1 : p;
    return true;
}

/* [DEBUG] ..., DEBUG ... behind a time: Go's older logger, Rust's, Python's rich */
static bool take_level_word(struct prefix *x)
{
    const char *p = x->p;
    bool bracket = *p == '[' || *p == '(';
    size_t n = word_size(p + bracket);
    char level = n >= 3 ? level_of_word(p + bracket, n) : 0;

    if (!level || (!bracket && x->clock == TD_CLOCK_NONE))
        return false;
    p += bracket + n;
    if (bracket && *p != ']' && *p != ')')
        return false;
    p += bracket;
    if (!is_blank(*p) && *p != ':' && *p != 0)
        return false;
    x->line->level = level;
    x->p = skip_blanks(*p == ':' ? p + 1 : p);
    return true;
}

/* 2026-11-21 13:01:45,123 - DEBUG - /path/smpclient/transport/udp.py:90 - ... */
static bool take_python(struct prefix *x)
{
    const char *p = x->p, *dash;
    size_t n;

    if (x->clock != TD_CLOCK_DAY || strncmp(p, "- ", 2) != 0)
        return false;
    for (unsigned i = 0; i < 3; i++) {
        p = skip_blanks(p + 2);
        n = word_size(p);
        x->line->level = level_of_word(p, n);
        dash = strstr(p, " - ");
        if (!dash)
            return false;
        if (x->line->level && n == (size_t)(dash - p)) {
            const char *rest = dash + 3, *next = strstr(rest, " - ");
            const char *py = strstr(rest, ".py:");

            x->line->dialect = TD_DIALECT_SMPMGR;
            // file and line may stand between level and message
            x->p = next && py && py < next ? next + 3 : rest;
            return true;
        }
        p = dash + 1;
    }
    return false;
}

/* [13:01:45] DEBUG    text                       udp.py:90 */
static bool take_rich(struct prefix *x)
{
    const char *p = x->p, *end;
    size_t n;
    char level;

    p = skip_blanks(p);
    n = word_size(p);
    level = level_of_word(p, n);
    if (!level || n < 4 || strlen(p) < 9 || !is_blank(p[n]))
        return false;
    end = strstr(p, ".py:");
    if (!end)
        return false;
    while (end > p && !is_blank(end[-1]))
        end--;
    x->line->dialect = TD_DIALECT_SMPMGR;
    x->line->level = level;
    x->p = skip_blanks(p + n);
    x->state->rich_seen = true;
    if (x->clock == TD_CLOCK_DAY)
        x->state->rich_us = x->us;
    x->state->rich_column = (size_t)(x->p - x->state->raw);
    x->state->rich_width = (size_t)(end - x->p) > 0 ? (size_t)(end - x->p) - 1 : 0;
    return true;
}

/* [13:01:45.123] or 13:01:45.123 or with a date; "->" of Arduino's monitor behind it */
static bool take_time(struct prefix *x)
{
    const char *p = x->p;
    bool bracket = *p == '[' || *p == '(';
    int64_t us;

    p += bracket;
    date(&p);
    if (!clock_time(&p, &us))
        return false;
    if (*p == 'Z')
        p++;
    else if ((*p == '+' || *p == '-') && isdigit((unsigned char)p[1]))
        while (*p == '+' || *p == '-' || *p == ':' || isdigit((unsigned char)*p))
            p++;
    if (bracket && *p++ != (x->p[0] == '[' ? ']' : ')'))
        return false;
    if (!is_blank(*p) && *p != 0 && *p != ':')
        return false;
    x->clock = TD_CLOCK_DAY;
    x->us = us;
    x->p = skip_blanks(*p == ':' ? p + 1 : p);
    if (strncmp(x->p, "-> ", 3) == 0 && x->p[3] != '(' && x->p[3] != '[' && x->p[3] != '0')
        x->p = skip_blanks(x->p + 3);
    return true;
}

/* 0.000502 > 0a00... of our own log */
static bool take_tandem(struct prefix *x)
{
    const char *p = x->p;
    int64_t seconds = 0;

    if (!x->state->tandem || !isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p) && seconds < 1000000000; p++)
        seconds = seconds * 10 + (*p - '0');
    if (*p != '.' || !isdigit((unsigned char)p[1]))
        return false;
    p++;
    x->us = seconds * 1000000 + fraction(&p);
    if (p[0] != ' ' || p[1] == 0 || strchr("<>x|!", p[1]) == NULL || (p[2] != ' ' && p[2] != 0))
        return false;
    x->clock = TD_CLOCK_LOG;
    x->line->dialect = TD_DIALECT_TANDEM;
    x->p = p + 1;
    return true;
}

/* What a device printed on the wire of our own log: look at that line by itself. */
static void take_inner(struct prefix *x)
{
    if (x->line->dialect != TD_DIALECT_TANDEM || x->p[0] != '|' || x->p[1] != ' ')
        return;
    x->p += 2;
    if (!take_zephyr(x) && !take_zephyr_minimal(x))
        x->line->dialect = TD_DIALECT_CONSOLE;
    x->clock = TD_CLOCK_LOG;
}

/* With a time in front, of whatever kind. */
static void take_timed(struct prefix *x)
{
    if (take_rtt(x))
        x->line->dialect = TD_DIALECT_CONSOLE;
    if (take_python(x) || take_rich(x) || take_zephyr(x) || take_logrus(x) ||
        take_zephyr_minimal(x) || take_logcat(x) || take_studio(x) || take_nslog(x))
        return;
    if (take_level_word(x) && x->line->dialect == TD_DIALECT_PLAIN)
        x->line->dialect = TD_DIALECT_CLIENT;
}

static void take_prefixes(struct prefix *x)
{
    take_quotes(x);
    if (take_tandem(x)) {
        int64_t us = x->us;

        take_inner(x);
        x->us = us;
        return;
    }
    if (take_rtt(x))
        x->line->dialect = TD_DIALECT_CONSOLE;
    if (x->p[0] == 'u' || x->p[0] == 'r')
        take_prompt(x);
    // Most prefixes are told from prose by their first character.
    if (isdigit((unsigned char)*x->p) || *x->p == '[' || *x->p == '(' || *x->p == '<') {
        if (take_zephyr(x))
            return;
        if (take_time(x))
            take_timed(x);
        else
            take_level_word(x);
        return;
    }
    if (is_level(*x->p) &&
        (take_nordic(x) || take_zephyr_minimal(x) || take_logcat_brief(x) || take_logrus(x)))
        return;
    if (*x->p == 't' && take_logrus(x))
        return;
    // rich leaves the time out where it is that of the line before.
    if (x->state->rich_seen && take_rich(x)) {
        x->clock = TD_CLOCK_DAY;
        x->us = x->state->rich_us;
    }
}

/* The file and line that rich puts at the right edge. */
static void cut_rich_tail(struct td_line_state *state, struct td_line *line)
{
    if (state->rich_width == 0)
        return;
    memcpy(state->text, line->text, line->len + 1);
    if (line->len > state->rich_width)
        line->len = state->rich_width;
    while (line->len > 0 && is_blank(state->text[line->len - 1]))
        line->len--;
    state->text[line->len] = 0;
    line->text = state->text;
}

/* Whether a line goes on with what rich broke: blanks up to the column of the text. */
static bool is_rich_rest(const struct td_line_state *state)
{
    size_t n = 0;

    while (state->raw[n] == ' ')
        n++;
    return state->rich_width > 0 && n >= state->rich_column && state->raw[n] != 0;
}

static bool is_banner(const char *p)
{
    return strncmp(p, "*** ", 4) == 0 || strncmp(p, "uart:~$", 7) == 0;
}

/* Whether an entry begins at p: V 08:47:42.977, or [00:00:00.250,000] <inf>. */
static bool begins_entry(const char *p, const char *end)
{
    int64_t us;

    if (end - p < 16)
        return false;
    if (is_level(p[0]) && is_blank(p[1])) {
        p = skip_blanks(p + 1);
        return clock_time(&p, &us) && p[-4] == '.' && is_blank(*p);
    }
    if (p[0] != '[' || !isdigit((unsigned char)p[1]))
        return false;
    p++;
    return clock_time(&p, &us) && p[0] == ']' && p[1] == ' ' && p[2] == '<';
}

size_t td_line_entry(const char *bytes, size_t len)
{
    const char *end = bytes + len;

    if (len < 16)
        return len;
    // The clock's colons are rare enough to look for.
    for (const char *p = bytes + 4; p + 6 < end; p++) {
        p = memchr(p, ':', (size_t)(end - p - 6));
        if (!p)
            break;
        if (p[3] != ':' || !isdigit((unsigned char)p[-1]))
            continue;
        for (const char *from = p - 3; from > bytes && from >= p - 6; from--)
            if ((is_blank(from[-1]) || from[0] == '[') && begins_entry(from, end))
                return (size_t)(from - bytes);
    }
    return len;
}

void td_line_read(struct td_line_state *state, const char *bytes, size_t len, struct td_line *line,
                  int64_t *time_us)
{
    struct prefix x = { .state = state, .line = line };

    *line = (struct td_line){ .raw = state->raw, .dialect = TD_DIALECT_PLAIN, .module = "" };
    td_line_clean(bytes, len, state->raw);
    if (strncmp(state->raw, "# tandem-log", 12) == 0) {
        state->tandem = true;
        line->dialect = TD_DIALECT_TANDEM;
    }
    line->text = state->raw;
    if (is_rich_rest(state)) {
        // Blanks in front belong to the text: what they hold was broken at its width.
        line->dialect = TD_DIALECT_SMPMGR;
        line->text = state->raw + state->rich_column;
        line->len = strlen(line->text);
        state->rich_rest = true;
        *time_us = TD_NO_TIME;
        return;
    }
    state->rich_rest = false;
    state->rich_width = 0;
    x.p = state->raw;
    take_prefixes(&x);
    line->text = x.p;
    line->len = strlen(x.p);
    if (line->dialect == TD_DIALECT_PLAIN && is_banner(x.p))
        line->dialect = TD_DIALECT_CONSOLE;
    if (line->dialect == TD_DIALECT_SMPMGR)
        cut_rich_tail(state, line);
    *time_us = x.clock == TD_CLOCK_NONE ? TD_NO_TIME : monotonic(state, x.clock, x.us);
}
