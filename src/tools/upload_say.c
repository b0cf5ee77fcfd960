/* tools/upload_say.c - what an upload tells on its way, for people and for programs. */
#include "tools/upload_say.h"

#include "smp/tandem.h"

void td_upload_say_resumed(struct td_device *dev, uint32_t off, uint32_t size)
{
    td_device_log(dev, "upload: resumed at %u of %u", off, size);
    if (dev->cli->json)
        td_cli_json(dev->cli, json_pack("{s:s, s:I, s:I}", "event", "resumed", "offset",
                                        (json_int_t)off, "size", (json_int_t)size));
    else if (off > 0)
        td_cli_note(dev->cli, "The upload is resumed at %u of %u bytes.", off, size);
    else
        td_cli_note(dev->cli, "The device kept nothing of the upload: it begins again at 0.");
}

/* Whether people want to know without -v: what is no news when nothing of a file was there. */
static bool is_news(uint32_t start, bool again)
{
    switch (start) {
    case TD_START_NEW:
    case TD_START_AFTER_LINK:
    case TD_START_NO_SHA:
    case TD_START_NO_LOG: return again;
    default: return true;
    }
}

void td_upload_say_start(struct td_device *dev, uint32_t start, bool again)
{
    const char *text = td_tandem_start_text(start);

    td_device_log(dev, "upload: the device says: %s", text);
    if (dev->cli->json)
        td_cli_json(dev->cli, json_pack("{s:s, s:I, s:s}", "event", "start", "start",
                                        (json_int_t)start, "text", text));
    else if (is_news(start, again))
        td_cli_note(dev->cli, "The device says of the upload: %s.", text);
}
