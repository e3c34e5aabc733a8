// A symbol of some four hundred characters that stands for a name of 2^40: each of its parameters
// is of two of the type before it.
#include "tests/hostile/bombs/bomb.hpp"

#define NAME                                                                                     \
    "_Z1f1A1BIS_S_ES0_IS1_S1_ES0_IS2_S2_ES0_IS3_S3_ES0_IS4_S4_ES0_IS5_S5_ES0_IS6_S6_ES0_IS7_S7_" \
    "ES0_IS8_S8_ES0_IS9_S9_ES0_ISA_SA_ES0_ISB_SB_ES0_ISC_SC_ES0_ISD_SD_ES0_ISE_SE_ES0_ISF_SF_ES" \
    "0_ISG_SG_ES0_ISH_SH_ES0_ISI_SI_ES0_ISJ_SJ_ES0_ISK_SK_ES0_ISL_SL_ES0_ISM_SM_ES0_ISN_SN_ES0_" \
    "ISO_SO_ES0_ISP_SP_ES0_ISQ_SQ_ES0_ISR_SR_ES0_ISS_SS_ES0_IST_ST_ES0_ISU_SU_ES0_ISV_SV_ES0_IS" \
    "W_SW_ES0_ISX_SX_ES0_ISY_SY_ES0_ISZ_SZ_ES0_IS10_S10_ES0_IS11_S11_ES0_IS12_S12_ES0_IS13_S13_" \
    "ES0_IS14_S14_E"

extern "C" [[gnu::noinline, gnu::used]] void names() asm(NAME);
extern "C" void names() {
    ::nestbed::guest::hostile::store(::nestbed::guest::hostile::unmapped, 1);
    asm volatile("");
}
GUEST_TEST(bomb, of_names) {
    GUEST_LOG("a line that arrives");
    names();
    asm volatile("");
}
