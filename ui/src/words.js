/** Every word that the bar and our own messages show, in both languages. */
const WORDS = {
  en: {
    portal: 'Telework',
    language: 'Language',
    signIn: 'Sign in',
    signOut: 'Sign out',
    anonymous: 'You are not signed in',
    loading: 'Loading…',
    token: 'Token',
    company: 'Company',
    chooseCompany: 'Choose a company',
    noCompany: 'No company yet',
    tryAgain: 'Try again',
    sandbox: 'Sandbox',
    sandboxToken: 'SANDBOX token',
    unreachable: 'The server does not answer. Check that it is running and that you are online.',
    unreadable: (status) => `The server answered ${status} with something that is not JSON.`,
    busy: (seconds) => `Too many requests.${seconds ? ` Try again in ${seconds} seconds.` : ' Wait a little, then try again.'}`,
    failed: 'That did not work.',
    roles: { OWNER: 'Owner', ADMIN: 'Admin', MEMBER: 'Member', VIEWER: 'Viewer' },
  },
  ar: {
    portal: 'العمل عن بعد',
    language: 'اللغة',
    signIn: 'تسجيل الدخول',
    signOut: 'تسجيل الخروج',
    anonymous: 'لم تسجّل الدخول',
    loading: 'جارٍ التحميل…',
    token: 'رمز',
    company: 'الشركة',
    chooseCompany: 'اختر شركة',
    noCompany: 'لا توجد شركة بعد',
    tryAgain: 'حاول مرة أخرى',
    sandbox: 'بيئة التجربة',
    sandboxToken: 'رمز SANDBOX',
    unreachable: 'الخادم لا يستجيب. تأكد من أنه يعمل ومن اتصالك بالشبكة.',
    unreadable: (status) => `أجاب الخادم بالحالة ${status} وبمحتوى ليس JSON.`,
    busy: (seconds) => (seconds ? `طلبات كثيرة. حاول بعد ${seconds} ثانية.` : 'طلبات كثيرة. انتظر قليلاً ثم حاول مرة أخرى.'),
    failed: 'لم ينجح ذلك.',
    roles: { OWNER: 'مالك', ADMIN: 'مدير', MEMBER: 'عضو', VIEWER: 'مطّلع' },
  },
};

const KEY = 'telework:language';
let current = remembered() ?? (navigator.language?.startsWith('ar') ? 'ar' : 'en');

// Storage throws where the browser blocks it; the choice then lasts until the page is closed.
function remembered() {
  try {
    const saved = localStorage.getItem(KEY);
    return saved in WORDS ? saved : null;
  } catch {
    return null;
  }
}

/** The language of the bar and of every request: "en" or "ar". */
export const language = () => current;

export function setLanguage(next) {
  current = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    /* see remembered() */
  }
}

export const words = () => WORDS[current];
