/* boot/lines_text.c - the words of the console lines; linked only where somebody prints. */
#include "boot/lines.h"

#include "base/range.h"
#include "base/verdict.h"

struct text {
    char *buf;
    size_t cap;
    size_t len;
};

static void put(struct text *t, char c)
{
    if (t->len + 1 < t->cap)
        t->buf[t->len++] = c;
}

static void put_string(struct text *t, const char *s)
{
    while (*s != '\0')
        put(t, *s++);
}

static void put_number(struct text *t, uint32_t value, uint32_t base)
{
    char digits[10];
    size_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    while (n > 0)
        put(t, digits[--n]);
}

static const char *magic_name(uint32_t magic)
{
    static const char *const names[] = { "?", "good", "bad", "unset" };

    return magic < TD_N_OF(names) ? names[magic] : names[0];
}

static const char *swap_name(uint32_t type)
{
    static const char *const names[] = { "?", "none", "test", "perm", "revert" };

    return type < TD_N_OF(names) ? names[type] : names[0];
}

/* The argument in the way that the letter after its number asks for; true: it was a letter. */
static int put_arg(struct text *t, uint32_t arg, char how)
{
    switch (how) {
    case 'x': put_number(t, arg, 16); return 1;
    case 'm': put_string(t, magic_name(arg)); return 1;
    case 't': put_string(t, swap_name(arg)); return 1;
    case 's': put_string(t, arg == 0 ? "primary" : "secondary"); return 1;
    case 'v': put_string(t, td_verdict_name((uint16_t)arg)); return 1;
    default: put_number(t, arg, 10); return 0;
    }
}

size_t td_boot_line_text(const struct td_boot_line *line, char *buf, size_t cap)
{
    static const struct {
        char level;
        const char *text;
    } lines[] = {
#define TD_BOOT_LINE_TEXT(name, level, text) { level, text },
        TD_BOOT_LINES(TD_BOOT_LINE_TEXT)
#undef TD_BOOT_LINE_TEXT
    };
    struct text t = { buf, cap, 0 };

    if ((size_t)line->code < TD_N_OF(lines)) {
        put(&t, lines[line->code].level);
        put_string(&t, ": ");
        for (const char *s = lines[line->code].text; *s != '\0'; s++) {
            if (*s != '%') {
                put(&t, *s);
                continue;
            }
            s++; // the argument's number, 0..3
            s += put_arg(&t, line->args[(unsigned)(*s - '0') % TD_BOOT_LINE_ARGS], s[1]);
        }
    }
    buf[t.len] = '\0';
    return t.len;
}
