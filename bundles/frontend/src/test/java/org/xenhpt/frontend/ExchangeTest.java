// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.Version;
import org.osgi.service.component.ComponentContext;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.Translator;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.translation.X86Translator;

/** A guest is attached to in the moment in which what that needs is exchanged. */
class ExchangeTest {
    private static final GuestUri URI = GuestUri.parse("fake:guest");

    /** Lets something happen when it is asked. */
    private record FakeBackend(Supplier<String> says, Supplier<Guest> opens) implements Backend {
        @Override
        public String scheme() {
            return says.get();
        }

        @Override
        public List<GuestInfo> guests() {
            return List.of();
        }

        @Override
        public Guest open(GuestUri uri) {
            return opens.get();
        }
    }

    private final FakeLinux linux = new FakeLinux(false);
    private final Map<Object, Supplier<?>> services = new IdentityHashMap<>();
    private final GuestFrontEnd frontEnd = new GuestFrontEnd(fake(BundleContext.class, (proxy, method, arguments) ->
            method.getName().equals("getService") ? services.get(arguments[0]).get()
                    : method.getReturnType() == boolean.class ? true : null),
            fake(ComponentContext.class, (proxy, method, arguments) -> null));

    private final ServiceReference<Translator> translator = reference(new X86Translator());

    private static <T> T fake(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) ->
                switch (method.getName()) {
                    case "hashCode" -> System.identityHashCode(proxy);
                    case "equals" -> proxy == arguments[0];
                    default -> handler.invoke(proxy, method, arguments);
                }));
    }

    /** Of a bundle that stays installed, as one does that is updated. */
    @SuppressWarnings("unchecked")
    private <T> ServiceReference<T> lazily(Supplier<T> service) {
        Bundle bundle = fake(Bundle.class, (proxy, method, arguments) -> switch (method.getName()) {
            case "getState" -> Bundle.ACTIVE;
            case "getVersion" -> Version.emptyVersion;
            case "getSymbolicName" -> "vendor";
            // As Felix's own, while it is uninstalled.
            case "getEntry" -> throw new NullPointerException("its content is closed");
            default -> null;
        });
        ServiceReference<T> reference = fake(ServiceReference.class, (proxy, method, arguments) -> switch (method.getName()) {
            case "getBundle" -> bundle;
            case "compareTo" -> 0;
            default -> null;
        });
        services.put(reference, service);
        return reference;
    }

    private <T> ServiceReference<T> reference(T service) {
        return lazily(() -> service);
    }

    private ServiceReference<Backend> backend() {
        return reference(new FakeBackend(URI::scheme, linux::guest));
    }

    @BeforeEach
    void install() {
        frontEnd.addTranslator(translator);
        frontEnd.addIdentifier(reference((guest, progress) -> linux.kernel().identity()));
    }

    private void attach() {
        try (Session session = frontEnd.attach(URI, Progress.NONE)) {
            assertThat(session.identity().release()).isEqualTo("6.1.0-fake");
        }
    }

    @Test
    void aBackendsSuccessorIsWaitedFor() {
        ServiceReference<Backend> old = backend();
        frontEnd.addBackend(old);
        attach();
        frontEnd.removeBackend(old);
        // The successor comes when those that are there were already looked through.
        frontEnd.addBackend(reference(new FakeBackend(() -> {
            frontEnd.addBackend(backend());
            return "other";
        }, linux::guest)));
        attach();
    }

    @Test
    void aBackendThatGoesWhileItOpensTheGuestIsNotTheLastWord() {
        List<ServiceReference<Backend>> old = new ArrayList<>();
        old.add(reference(new FakeBackend(URI::scheme, () -> {
            frontEnd.removeBackend(old.get(0));
            frontEnd.addBackend(backend());
            throw new IllegalStateException("its bundle stops");
        })));
        frontEnd.addBackend(old.get(0));
        attach();
    }

    @Test
    void aBackendThatFailsAndStaysIsTheLastWord() {
        frontEnd.addBackend(reference(new FakeBackend(URI::scheme, () -> {
            throw new HptException(Step.BACKEND, Reason.ACCESS_DENIED, URI.toString(), "not root");
        })));
        frontEnd.addBackend(reference(new FakeBackend(() -> "other", linux::guest)));
        assertThatThrownBy(this::attach).hasMessage("backend: fake:guest: not root");
    }

    @Test
    void addressTranslationsSuccessorIsWaitedFor() {
        frontEnd.addBackend(backend());
        attach();
        frontEnd.removeTranslator(translator);
        // The successor comes when those that are there were already looked through, of which the only one is none.
        frontEnd.addTranslator(lazily(() -> {
            frontEnd.addTranslator(reference(new X86Translator()));
            return null;
        }));
        attach();
    }

    @Test
    void whatNeverWasIsNotWaitedFor() {
        frontEnd.addBackend(reference(new FakeBackend(() -> "other", linux::guest)));
        assertThatThrownBy(this::attach).hasMessageContaining("no installed backend opens fake:");
    }
}
