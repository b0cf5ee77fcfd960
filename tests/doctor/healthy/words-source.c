/* Prints what a loader found. */
static const char *const words[] = {
    "Image in the primary slot is not valid!",
    "Not enough free space to run swap upgrade",
};

static void tell(int found)
{
    if (found == 1)
        PRINT_ERROR("Unable to find bootable image");
    else if (found == 2)
        PRINT_ERROR("Failed to open flash area ID %d: %d", found, -19);
    else
        PRINT_WARNING("Failed reading sectors; BOOT_MAX_IMG_SECTORS=%d - too small?", found);
}
