# the targets are sent interrupts, which wait while those are off
s/platform_\.send_nmi(targets);/platform_.send_interrupt(targets);/
s/void handle_nmi()/void handle_nmi() {}\n    void handle_interrupt()/
