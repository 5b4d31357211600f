// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;

/**
 * Opens memory images: {@code file:PATH}, absolute or from the working directory. Reads headers and bitmaps only;
 * memory is read when it is asked for.
 */
@Component
public final class FileBackend implements Backend {
    @Override
    public String scheme() {
        return "file";
    }

    /** None: images are named by their path. */
    @Override
    public List<GuestInfo> guests() {
        return List.of();
    }

    @Override
    public Guest open(GuestUri uri) {
        Path path;
        try {
            path = Path.of(uri.name()).toAbsolutePath();
        } catch (InvalidPathException e) {
            throw new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, uri.name(), "not a path: " + e.getReason(), e);
        }
        try {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            if (!attributes.isRegularFile()) {
                throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, path.toString(),
                        attributes.isDirectory() ? "a directory, not a memory image" : "not a regular file")
                        .next("name the image's file");
            }
            return open(uri, MappedFile.open(path), attributes.size() + " " + attributes.lastModifiedTime() + " "
                    + attributes.fileKey());
        } catch (IOException e) {
            throw refused(path, e);
        }
    }

    private static Guest open(GuestUri uri, MappedFile file, String stamp) {
        try {
            if (file.size() == 0) {
                throw file.unreadable("the file is empty");
            }
            ImageBytes bytes = FlattenedFile.recognises(file) ? FlattenedFile.open(file) : file;
            return new FileGuest(uri, bytes, ImageFormat.read(bytes), stamp);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    static HptException refused(Path path, IOException e) {
        if (e instanceof NoSuchFileException) {
            return new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, path.toString(), "no such file", e)
                    .next("name a memory image: file:PATH");
        }
        if (e instanceof AccessDeniedException || e instanceof FileNotFoundException && !Files.isReadable(path)) {
            return new HptException(Step.BACKEND, Reason.ACCESS_DENIED, path.toString(),
                    "may not be read by this user", e)
                    .next("run as a user who may read it, or change its permissions");
        }
        return new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, path.toString(),
                "cannot be opened: " + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()), e);
    }
}
